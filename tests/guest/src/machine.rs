//! The guest's machine: its kernel, its devices, and what the kernel says.

pub(super) mod boot_settings;
pub(super) mod built_in;
pub(super) mod disk;
pub(super) mod kernel_log;
pub(super) mod marks;
pub(super) mod modules;
pub(super) mod mounts;
pub(super) mod nodes;
pub(super) mod port;
pub(super) mod swap;
pub(super) mod sysctl;
pub(super) mod sysv_shm;
pub(super) mod tracing;
pub(super) mod wall_clock;
pub(super) mod watchdog;
