//! The kinds of OOM the tests cause, and the witnesses that judge the reports.
//!
//! A [`scenario::Scenario`] is data: which cgroups and processes there are, and what is known of the OOM
//! they run into. The guest prepares it and hands back an [`observation::Observation`]. [`witness`] reads the
//! kernel's log in it, and [`compare::judge`] names every field in which a report differs from the log,
//! from the counters, from the exit statuses or from the scenario's own knowledge.

pub mod compare;
pub mod cost;
pub mod experiment;
pub mod job;
pub mod observation;
pub mod read_only;
pub mod reset;
pub mod scenario;
pub mod text;
pub mod witness;
