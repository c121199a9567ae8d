/* What the generated bindings want of a C library. Each call of a policy runs in a fresh instance, so nothing is
   freed: the instance goes with all of its memory. */
#ifndef STDLIB_H
#define STDLIB_H
#include <stddef.h>
void *malloc(size_t size);
void *realloc(void *old, size_t size);
static inline void free(void *unused) { (void)unused; }
static inline _Noreturn void abort(void) { __builtin_trap(); }
#endif
