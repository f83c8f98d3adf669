//! The kernel side of oomtrace: hooks on the kernel's OOM decision. They copy facts into a ring buffer and judge nothing. Start
//! reading at `hook/`, which has one file per hook.
#![no_std]
#![no_main]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "registers are 64 bits wide and hold narrower C types, and addresses are numbers here; a checked conversion \
              would be one more branch for the verifier to walk"
)]
#![expect(clippy::needless_pass_by_value, reason = "the program macros hand contexts over by value")]

mod context;
mod emit;
mod hook;
mod kernel;
mod killers;
mod kills;
mod pass;
mod table;
mod user_kills;

/// The compiler requires a panic handler. The verifier proves that no program reaches it.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The license. The kernel allows only GPL-compatible programs to read its memory.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
