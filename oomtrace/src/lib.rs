//! oomtrace explains every Linux OOM kill from the kernel's own structures: why memory ran out, why this victim, who it
//! was and what happened then.
//!
//! `ARCHITECTURE.md` is the map.

pub mod exit;
pub mod kernel;
