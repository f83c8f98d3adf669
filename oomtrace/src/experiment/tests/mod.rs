//! Valid and invalid files.

mod ground;
mod lines;
mod runs;
