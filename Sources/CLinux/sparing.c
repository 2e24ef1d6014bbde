#include "sparing.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct sparing {
    int descriptor;
    unsigned most, seconds, written, left_out;
    time_t began;
};

static time_t now(void)
{
    struct timespec time = {0};

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* Who cannot be told cannot be told. */
static void pass(int descriptor, const char *octets, size_t count)
{
    ssize_t sent;

    for (; count > 0 && (sent = write(descriptor, octets, count)) > 0; octets += sent, count -= (size_t)sent)
        ;
}

static void tell(struct sparing *sparing)
{
    char line[64];
    int count;

    if (sparing->left_out == 0)
        return;
    count = snprintf(line, sizeof line, "%u more lines were left out\n", sparing->left_out);
    pass(sparing->descriptor, line, (size_t)count);
    sparing->left_out = 0;
}

/* One call is one line, because the stream is buffered by lines; what is longer than its buffer counts as several. */
static ssize_t take(void *cookie, const char *octets, size_t count)
{
    struct sparing *sparing = cookie;
    time_t at = now();

    if (at - sparing->began >= sparing->seconds) {
        tell(sparing);
        sparing->began = at;
        sparing->written = 0;
    }
    if (sparing->written < sparing->most) {
        sparing->written++;
        pass(sparing->descriptor, octets, count);
    } else {
        sparing->left_out++;
    }
    return (ssize_t)count;
}

static int end(void *cookie)
{
    tell(cookie);
    free(cookie);
    return 0;
}

FILE *clinux_sparing_stream(int descriptor, unsigned most, unsigned seconds)
{
    const cookie_io_functions_t functions = {.write = take, .close = end};
    struct sparing *sparing = calloc(1, sizeof *sparing);
    FILE *stream;

    if (sparing == NULL)
        return NULL;
    *sparing = (struct sparing){.descriptor = descriptor, .most = most, .seconds = seconds, .began = now()};
    stream = fopencookie(sparing, "w", functions);
    if (stream == NULL) {
        free(sparing);
        return NULL;
    }
    setvbuf(stream, NULL, _IOLBF, BUFSIZ);
    return stream;
}

void clinux_spare_standard_error(void)
{
    FILE *stream = clinux_sparing_stream(STDERR_FILENO, 20, 60);

    if (stream != NULL)
        stderr = stream;
}
