//! The allocator of the gateway's program: on Linux [mimalloc] in place of the C library's, for Rust and C alike.
//!
//! A quarter of the processor time of an answer was glibc's `malloc` and `free`. What was measured is in
//! `docs/benchmarks.md`.
//!
//! A program that calls [`give_back_soon`] has it: being linked, it defines `malloc` and its like. Elsewhere than on
//! Linux nothing changes.
//!
//! [mimalloc]: https://microsoft.github.io/mimalloc/

/// How long memory that is free is kept for the next use, in milliseconds; mimalloc's own default is a second.
/// What the opening of many answers at once leaves free would stay for as long as they are silent.
#[cfg(target_os = "linux")]
const KEPT_FREE: std::ffi::c_long = 10;

/// `mi_option_purge_delay` of mimalloc 3, which the bindings have no name for.
#[cfg(target_os = "linux")]
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Has free memory given back to the system after 10 ms. To be called once, when the program begins.
pub fn give_back_soon() {
    #[cfg(target_os = "linux")]
    #[expect(unsafe_code, reason = "a call into C")]
    // SAFETY: it stores a number in a table of the allocator, at an index that is in it; it may be called at any time.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT_FREE);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(unsafe_code, reason = "calls into C")]

    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: it reads a number from a table, at an index that is in it.
        let value = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(value(), 1000, "the documented default of mimalloc 3");
        give_back_soon();
        assert_eq!(value(), KEPT_FREE);
    }

    #[test]
    fn what_rust_allocates_is_its_own() {
        let text = String::from("on the heap");
        // SAFETY: it compares the address with the regions that the allocator has, and does not follow it.
        let is_its_own = |address| unsafe { libmimalloc_sys::mi_is_in_heap_region(address) };
        assert!(is_its_own(text.as_ptr().cast()));
        let on_the_stack = 0_u8;
        assert!(!is_its_own((&raw const on_the_stack).cast()));
    }
}
