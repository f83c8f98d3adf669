//! oomtrace explains every Linux OOM kill from the kernel's own structures: why memory ran out, why this victim, who it
//! was and what happened then.
//!
//! The road from the kernel to a report is [`pipeline`]; `ARCHITECTURE.md` is the map. The library exists for the program, its
//! tests, and programs that read recordings:
//!
//! ```no_run
//! use oomtrace::{pipeline::incidents, recording::Reader, report::report, source::replay::Replay};
//!
//! let reader = Reader::new(std::fs::File::open("kills.oomtrace")?)?;
//! for incident in incidents(Replay::new(reader))? {
//!     println!("{}", report(&incident).cause.summary);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/library.md` lists all public items.

pub mod account;
pub mod assemble;
pub mod attribute;
mod badness;
pub mod bytes;
pub mod cgroup;
pub mod cli;
pub mod client;
pub mod cmd;
pub mod context;
pub mod decode;
pub mod diff;
pub mod event;
pub mod exit;
pub mod experiment;
pub mod explain;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
pub mod forecast;
pub mod frame;
pub mod incident;
pub mod kernel;
pub mod lead_up;
pub mod pipeline;
pub mod rank;
pub mod recording;
pub mod redact;
pub mod report;
pub mod server;
pub mod sink;
mod size;
pub mod source;
mod trust;
pub mod whatif;
