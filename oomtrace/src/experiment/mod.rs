//! Kernel-tuning experiments: a knob is changed, the OOM caused, and what the kernel decides is compared. Here is what is pure
//! of it: the file, the check, the order, what a run came to, the tests between variants and the result. What touches the
//! machine is in `cmd/experiment`.

pub mod check;
pub mod file;
pub mod knob;
pub mod order;
pub mod plan;
pub mod predict;
pub mod result;
pub mod run;
pub mod statistics;

#[cfg(test)]
mod tests;
