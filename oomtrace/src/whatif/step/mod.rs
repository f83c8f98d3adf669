//! The steps of a decision, as `decide` repeats them.

pub(super) mod allocating;
pub(super) mod before;
pub(super) mod holding;
pub(super) mod kill;
pub(super) mod later;
pub(super) mod levels;
pub(super) mod limit;
pub(super) mod machine;
pub(super) mod recorded;
pub(super) mod room;
pub(super) mod scope;
pub(super) mod vote;
