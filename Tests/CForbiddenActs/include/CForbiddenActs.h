/* What a confined process must not be able to do, and what it must: tried one by one. */
#ifndef CFORBIDDENACTS_H
#define CFORBIDDENACTS_H

/* From now on this process sees no Landlock, as where the kernel has none. 0 or an errno. */
int cforbiddenacts_hide_landlock(void);

int cforbiddenacts_count(void);
const char *cforbiddenacts_name(int act);
/* Whether the act is one that a confined process needs. */
int cforbiddenacts_is_needed(int act);
/* Tries it, and undoes it as far as it can be undone. 0 if it went well, otherwise an errno. */
int cforbiddenacts_try(int act);

#endif
