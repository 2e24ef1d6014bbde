#include <unbound.h>

/* What is used of <event2/event.h>. The header itself defines feature macros that give fd_set another shape than the
 * other modules of the C library have, and then Swift cannot import both. */
struct event_base;
struct event;
struct timeval;
typedef void (*cunbound_event_callback)(int, short, void *);
struct event_base *event_base_new(void);
struct event *event_new(struct event_base *, int, short, cunbound_event_callback, void *);
int event_add(struct event *, const struct timeval *);
int event_del(struct event *);
void event_free(struct event *);
int event_base_dispatch(struct event_base *);
int event_base_loopbreak(struct event_base *);
void event_base_free(struct event_base *);
enum cunbound_event { CUNBOUND_READ = 0x02, CUNBOUND_WRITE = 0x04, CUNBOUND_PERSIST = 0x10 };

#include <unbound-event.h>
