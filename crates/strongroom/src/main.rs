//! The `strongroom` program: its allocator, and the start of the command line.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use strongroom_keys::allocator::ZeroingAllocator;

#[global_allocator]
static ALLOCATOR: ZeroingAllocator<MiMalloc> = ZeroingAllocator::new(MiMalloc);

fn main() -> ExitCode {
    strongroom::cli::run()
}
