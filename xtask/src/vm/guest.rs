//! One guest: what it boots, and how it runs and answers.

pub(super) mod console;
pub(super) mod disk;
pub(crate) mod initramfs;
pub(super) mod modules;
pub(crate) mod programs;
pub(super) mod qemu;
pub(super) mod stream;
