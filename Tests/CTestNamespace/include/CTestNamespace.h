#ifndef CTESTNAMESPACE_H
#define CTESTNAMESPACE_H

/* Puts the calling thread into a network namespace of its own and brings its loopback up; 0 or an errno. */
int ctestnamespace_enter(void);

#endif
