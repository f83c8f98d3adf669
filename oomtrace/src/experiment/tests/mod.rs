//! Files good and bad.

mod ground;
mod lines;
mod runs;
