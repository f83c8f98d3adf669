//! The kinds of OOM that the tests cause, and the witnesses that judge the reports.
//!
//! A [`scenario::Scenario`] is data: its cgroups and processes, and the known facts about the OOM that they cause. The guest
//! runs it and returns an [`observation::Observation`]. [`witness`] reads the kernel's log in it, and [`compare::judge`] names
//! every field in which a report differs from the log, the counters, the exit statuses or the scenario.

pub mod compare;
pub mod cost;
pub mod experiment;
pub mod job;
pub mod observation;
pub mod panic;
pub mod read_only;
pub mod reset;
pub mod scenario;
pub mod storm;
pub mod text;
pub mod witness;
