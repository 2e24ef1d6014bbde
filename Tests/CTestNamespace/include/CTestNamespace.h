#ifndef CTESTNAMESPACE_H
#define CTESTNAMESPACE_H

/* Puts the calling thread into a network namespace of its own and brings its loopback up; 0 or an errno. */
int ctestnamespace_enter(void);

/* Starts a thread that has the privileges and the namespace the process began with, and that nobody joins. Returns 0 or
 * an error number. */
int ctestnamespace_start(void *(*body)(void *), void *context);

#endif
