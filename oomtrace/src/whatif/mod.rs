//! Repeats one recorded decision with something changed and says which processes would have died. Pure, like everything
//! between a frame and a report. It refuses questions that the recording cannot answer ([`Refusal`]).
//!
//! It follows the kernel's order: whether the memory runs out at all (`limit`), whether the trigger is taken without a vote
//! (`allocating`), the vote (`vote`), and which processes die with the victim (`scope`). The account says how much memory
//! no kill frees (`room`), and how much a change of it would have freed (`holding`).
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1104> (`out_of_memory`)

mod answer;
mod change;
mod decide;
mod refusal;
mod sentence;
mod step;
mod table;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use self::{
    answer::{Answer, Decision, Later, Memory, Room, Row, SCHEMA, Victim, Vote},
    change::{Change, Holding, Who},
    decide::decide_again,
    refusal::Refusal,
};
