//! Pages to keep and to pass on: one file each, which loads nothing and runs nothing.
//!
//! Whatever a user or the kernel chose goes through `terminal::sanitize` first and is escaped by the template then: the one
//! keeps it from deceiving a reader, the other from being markup. A policy in the page's head forbids the rest.

mod bar;
mod experiment;
mod frame;
mod incident;
mod moment;
mod overview;
mod text;

pub use self::{experiment::experiment, incident::page, overview::Overview};

#[cfg(test)]
mod tests;
