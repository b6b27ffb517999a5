//! An allocator that zeroes each block before it is freed, so that what libraries once held in
//! their buffers (a request's body, a number being formatted, a table that grew) doesn't linger.
//!
//! This is the one file with unsafe code. It may not know anything but blocks of memory.
#![allow(
    unsafe_code,
    reason = "an allocator can't be written without; reviewed as a whole"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::{ptr, slice};

use zeroize::optimization_barrier;

/// Zeroes each block before the allocator `A` frees it.
///
/// It costs a `memset` of the block's length at each free, and a copy where `A` could have grown a
/// block in place. A block that was reserved and hardly used is touched from end to end, so don't
/// reserve what won't be used.
///
/// ```
/// use strongroom_keys::allocator::ZeroingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: ZeroingAllocator<std::alloc::System> =
///     ZeroingAllocator::new(std::alloc::System);
/// ```
#[derive(Debug)]
pub struct ZeroingAllocator<A> {
    inner: A,
}

impl<A> ZeroingAllocator<A> {
    /// Puts the zeroing before `inner`.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

// SAFETY: blocks come from `inner`, which keeps to the contract, with unchanged layouts, and go
// back to it with the layout they came with. Between, only bytes are written that belong to a block
// whose owner has given it up.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ZeroingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same here.
        unsafe { self.inner.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `alloc_zeroed`, which is the same here.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller hands over the whole block, `layout.size()` bytes, and won't use it
        // again; it came from `inner` with this layout.
        unsafe {
            zero(block, layout.size());
            self.inner.dealloc(block, layout);
        }
    }

    /// Always moves: `inner` might move as well, and would free the old block as it is.
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that `new_size` is not 0 and, rounded up to the alignment,
        // no more than `isize::MAX`; the alignment is one of a valid layout.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the size isn't 0.
        let new_block = unsafe { self.inner.alloc(new_layout) };
        if !new_block.is_null() {
            // SAFETY: both blocks are at least as long as what is copied, and are different blocks.
            // The old one is the caller's to give up, and came from `inner` with this layout; if
            // there is no new one, it stays valid, as the contract says.
            unsafe {
                ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
        }
        new_block
    }
}

/// Zeroes a block in a way that the compiler doesn't take away, though nobody reads it again.
///
/// # Safety
/// `block` must be valid for writes of `len` bytes, and not be in use.
#[inline]
unsafe fn zero(block: *mut u8, len: usize) {
    // SAFETY: as this function's own contract.
    let zeroed = unsafe {
        ptr::write_bytes(block, 0, len);
        slice::from_raw_parts(block, len)
    };
    // To the compiler, this reads the bytes.
    optimization_barrier(zeroed);
}

#[cfg(test)]
mod tests {
    use std::alloc::System;
    use std::sync::Mutex;

    use super::*;

    /// Keeps a copy of what each freed block held at that moment.
    struct Recording {
        freed: Mutex<Vec<Vec<u8>>>,
        full: bool,
    }

    // SAFETY: hands everything on to `System`.
    unsafe impl GlobalAlloc for Recording {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if self.full {
                return ptr::null_mut();
            }
            // SAFETY: as the caller guarantees.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller gives up a block of this layout, which the tests have filled.
            let content = unsafe { slice::from_raw_parts(block, layout.size()) }.to_vec();
            self.freed.lock().unwrap().push(content);
            // SAFETY: as the caller guarantees.
            unsafe { System.dealloc(block, layout) }
        }
    }

    fn allocator() -> ZeroingAllocator<Recording> {
        ZeroingAllocator::new(Recording {
            freed: Mutex::default(),
            full: false,
        })
    }

    fn freed(allocator: &ZeroingAllocator<Recording>) -> Vec<Vec<u8>> {
        std::mem::take(&mut *allocator.inner.freed.lock().unwrap())
    }

    #[test]
    fn a_block_is_zero_when_it_is_freed() {
        let allocator = allocator();
        for (size, align) in [
            (1, 1),
            (7, 1),
            (32, 8),
            (33, 64),
            (4096, 4096),
            (1_000_003, 16),
        ] {
            let layout = Layout::from_size_align(size, align).unwrap();
            // SAFETY: the size isn't 0, all of the block is filled, and freed once.
            unsafe {
                let block = allocator.alloc(layout);
                block.write_bytes(0xA5, size);
                allocator.dealloc(block, layout);
            }
            assert_eq!(freed(&allocator), [vec![0; size]], "{size} {align}");
        }
    }

    #[test]
    fn a_resized_block_keeps_its_content_and_leaves_none_behind() {
        let allocator = allocator();
        let layout = Layout::from_size_align(100, 8).unwrap();
        for new_size in [1, 99, 100, 101, 100_000] {
            // SAFETY: sizes aren't 0, filled before they are read, each block freed once.
            let kept = unsafe {
                let block = allocator.alloc(layout);
                block.write_bytes(0xA5, 100);
                let resized = allocator.realloc(block, layout, new_size);
                let kept = slice::from_raw_parts(resized, new_size.min(100)).to_vec();
                resized.write_bytes(0xA5, new_size);
                allocator.dealloc(resized, Layout::from_size_align(new_size, 8).unwrap());
                kept
            };
            assert_eq!(kept, vec![0xA5; new_size.min(100)]);
            assert_eq!(
                freed(&allocator),
                [vec![0; 100], vec![0; new_size]],
                "{new_size}"
            );
        }
    }

    #[test]
    fn a_block_that_could_not_be_resized_stays_as_it_is() {
        let layout = Layout::from_size_align(100, 8).unwrap();
        // SAFETY: the size isn't 0; the block is filled before it is read, and freed once.
        unsafe {
            let block = System.alloc(layout);
            block.write_bytes(0xA5, 100);
            let full = ZeroingAllocator::new(Recording {
                freed: Mutex::default(),
                full: true,
            });
            assert!(full.realloc(block, layout, 200).is_null());
            assert_eq!(slice::from_raw_parts(block, 100), [0xA5; 100]);
            assert!(freed(&full).is_empty());
            System.dealloc(block, layout);
        }
    }
}
