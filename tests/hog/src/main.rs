//! A process that allocates memory in a known way, so that the tests know which process runs out of memory and why.
//!
//! It prints two words to standard output, one per line: `ready` when its name, user, `oom_score_adj` and cgroups are set, and
//! `holding` when it has allocated its memory. With `--wait` it allocates nothing until a line arrives on standard input. With
//! `--hold` it keeps running afterwards until a signal ends it.

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

/// Prints one word and flushes standard output.
fn say(word: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).with_context(|| format!("saying `{word}`"))
}
