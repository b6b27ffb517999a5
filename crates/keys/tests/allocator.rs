//! With the zeroing allocator in place, what a program freed can't be found in its memory any more.
//! Run with optimization as well: a compiler may drop writes to memory that is about to be freed.

use std::alloc::System;
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;

use strongroom_keys::allocator::ZeroingAllocator;

#[global_allocator]
static ALLOCATOR: ZeroingAllocator<System> = ZeroingAllocator::new(System);

/// Small enough that the allocator keeps the memory when it is freed, instead of unmapping it.
const LEN: usize = 20_000;
const MARK: u8 = 0xA5;

/// How many marked bytes are left at an address, as the kernel sees it.
fn marked(memory: &File, address: usize, scratch: &mut [u8]) -> io::Result<usize> {
    memory.read_exact_at(scratch, address as u64)?;
    Ok(scratch.iter().filter(|&&byte| byte == MARK).count())
}

#[test]
fn freed_memory_is_zero() {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut scratch = vec![0; LEN];

    let secret = black_box(vec![MARK; LEN]);
    // Another block above it, so that it isn't given back to the system.
    let _above = black_box(vec![0_u8; LEN]);
    let address = secret.as_ptr() as usize;
    assert_eq!(
        marked(&memory, address, &mut scratch).unwrap(),
        LEN,
        "the test can see memory"
    );
    drop(secret);
    // The system's allocator keeps a few pointers of its own in a free block.
    assert!(marked(&memory, address, &mut scratch).unwrap() < 32);
}

#[test]
fn a_vector_that_grew_leaves_nothing_behind() {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut scratch = vec![0; LEN];

    let mut secret = black_box(vec![MARK; LEN]);
    let _above = black_box(vec![0_u8; LEN]);
    let address = secret.as_ptr() as usize;
    secret.reserve_exact(LEN);
    assert_ne!(black_box(&secret).as_ptr() as usize, address);
    assert!(marked(&memory, address, &mut scratch).unwrap() < 32);
}
