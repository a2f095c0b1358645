/* Atomic operations for the Thumb code of armv6, whose instruction set has none: the compiler makes calls of them, and
 * here they are, in ARM code. Built and linked by build.sh. The exclusive loads are those of an ARM1176, as in all ARM
 * code that Rust makes for this target. On armv5te Rust's own library has these functions, by help of the kernel.
 *
 * A compiler does not let anyone define these names; the assembler does. */
#include <stdbool.h>
#include <stdint.h>

#define NAMED(name, size) __asm__("__sync_" #name "_" #size)

#define UPDATE(name, type, size, operation)                              \
    type name##_##size(volatile type *, type) NAMED(name, size);         \
    type name##_##size(volatile type *cell, type value) {                \
        return operation(cell, value, __ATOMIC_SEQ_CST);                 \
    }

#define ALL(type, size)                                                                    \
    UPDATE(fetch_and_add, type, size, __atomic_fetch_add)                                  \
    UPDATE(fetch_and_sub, type, size, __atomic_fetch_sub)                                  \
    UPDATE(fetch_and_and, type, size, __atomic_fetch_and)                                  \
    UPDATE(fetch_and_or, type, size, __atomic_fetch_or)                                    \
    UPDATE(fetch_and_xor, type, size, __atomic_fetch_xor)                                  \
    UPDATE(lock_test_and_set, type, size, __atomic_exchange_n)                             \
    type compare_##size(volatile type *, type, type) NAMED(val_compare_and_swap, size);    \
    type compare_##size(volatile type *cell, type expected, type value) {                  \
        __atomic_compare_exchange_n(cell, &expected, value, false, __ATOMIC_SEQ_CST,       \
                                    __ATOMIC_SEQ_CST);                                     \
        return expected;                                                                   \
    }

ALL(uint8_t, 1)
ALL(uint16_t, 2)
ALL(uint32_t, 4)
ALL(uint64_t, 8)

void synchronize(void) __asm__("__sync_synchronize");
void synchronize(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
