//! HTML pages to keep and to share. Each page is one file that loads nothing and runs nothing.
//!
//! Text that a user or the kernel chose goes through `terminal::sanitize` first, and the template escapes it afterwards.
//! `sanitize` stops the text from deceiving the reader. The escaping stops it from being markup. A content security policy
//! in the page's head forbids everything else.

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
