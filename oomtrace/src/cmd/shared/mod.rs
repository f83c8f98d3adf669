//! What several commands share: their output and messages, signals, confinement, recorded incidents, pages, and the safe use of
//! cgroup files.

pub(super) mod cgroup;
pub(super) mod confine;
pub(super) mod consumers;
pub(super) mod history;
pub(super) mod html;
pub(super) mod knob_file;
pub(super) mod output;
pub(super) mod ready;
pub(super) mod rehearsal;
pub mod say;
pub(super) mod signals;
