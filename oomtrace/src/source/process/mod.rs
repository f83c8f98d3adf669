//! What is read about a process: its arguments, the files of its calls, its settings, and all processes at once.

pub(super) mod arguments;
pub(super) mod call_traces;
pub mod census;
pub(super) mod functions;
pub(super) mod known;
pub(super) mod mappings;
pub(crate) mod procfs;
pub(super) mod told;
