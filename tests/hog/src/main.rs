//! A process that takes memory in a known way, so that the tests know who ran out of it and why.
//!
//! It says two words on standard output, one a line: `ready` once its name, user, `oom_score_adj` and
//! cgroups are in place, and `holding` once it has taken its memory. With `--wait` it takes none until
//! a line arrives on standard input; with `--hold` it stays afterwards until a signal ends it.

mod identity;
mod policy;
mod shape;

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::Parser;

/// What to be, and how to take memory.
#[derive(Parser)]
#[command(name = "hog", about)]
struct Arguments {
    #[command(flatten)]
    identity: identity::Identity,
    /// Take no memory until a line (or the end) comes on standard input
    #[arg(long, global = true)]
    wait: bool,
    /// Keep the memory, and stay until a signal ends this process
    #[arg(long, global = true)]
    hold: bool,
    /// Take memory from this node only
    #[arg(long, global = true)]
    bind_node: Option<u32>,
    #[command(subcommand)]
    shape: shape::Shape,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    arguments.identity.assume()?;
    arguments.bind_node.map_or(Ok(()), policy::bind_to_node)?;
    let _taken = arguments.shape.take_before_word()?;
    say("ready")?;
    if arguments.wait {
        io::stdin().read_line(&mut String::new()).context("waiting for the word to begin")?;
    }
    let _memory = arguments.shape.take()?;
    say("holding")?;
    if arguments.hold {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

/// Write one word to whoever started us, at once.
fn say(word: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).with_context(|| format!("saying `{word}`"))
}
