//! The ways to allocate memory, one per file.

mod anon;
mod bpf_maps;
mod children;
mod crowd;
mod equals;
mod eventfds;
mod file;
mod fork;
mod fragments;
mod huge_pages;
mod io_urings;
mod keys;
mod kill;
mod last_words;
mod leak;
mod locked;
mod loopback;
mod mapping;
mod memfd;
mod open_files;
mod orphan;
mod packet_ring;
mod page_tables;
mod perf_rings;
mod pipes;
mod poke;
mod reserve;
mod scores;
mod shmem;
mod sockets;
mod swap_off;
mod sysv_shm;
mod thread;
mod threads;
mod twin;
mod write;
mod written_file;

use std::os::fd::OwnedFd;

use anyhow::Result;
use clap::Subcommand;

/// How memory is taken.
#[derive(Subcommand)]
pub(crate) enum Shape {
    /// Take none
    Idle,
    /// Private anonymous memory
    Anon(anon::Anon),
    /// Private anonymous memory, at a constant rate
    Leak(leak::Leak),
    /// Private anonymous memory, touched by a second thread
    Thread(thread::Thread),
    /// Pages of a file, mapped shared
    File(file::File),
    /// Shared anonymous memory
    Shmem(shmem::Shmem),
    /// Page tables: one page in each 2 MiB of a mapping, none of them with memory of its own
    PageTables(page_tables::PageTables),
    /// Page tables in every second page. The pages between them are free
    Fragments(fragments::Fragments),
    /// Pages of a file that is written and not mapped
    WrittenFile(written_file::WrittenFile),
    /// Several processes, each taking anonymous memory
    Children(children::Children),
    /// A great many small processes
    Crowd(crowd::Crowd),
    /// Private anonymous memory, touched by many threads at once
    Threads(threads::Threads),
    /// Private anonymous memory of a process whose first thread has ended
    Orphan(orphan::Orphan),
    /// Private anonymous memory of two processes at once
    Twin(twin::Twin),
    /// Several processes with exactly the same number of pages
    Equals(equals::Equals),
    /// Memory that is allocated while the process dies
    LastWords(last_words::LastWords),
    /// Pages in pipes without a reader
    Pipes(pipes::Pipes),
    /// Messages in sockets that no process receives
    Sockets(sockets::Sockets),
    /// A file in memory that no mount shows
    Memfd(memfd::Memfd),
    /// A SysV segment that stays
    SysvShm(sysv_shm::SysvShm),
    /// Pages of the huge page pool
    HugePages(huge_pages::HugePages),
    /// Private anonymous memory that may not be swapped out
    Locked(locked::Locked),
    /// A ring for received packets
    PacketRing(packet_ring::PacketRing),
    /// Rings for perf's events
    PerfRings(perf_rings::PerfRings),
    /// BPF arrays
    BpfMaps(bpf_maps::BpfMaps),
    /// Keys in the kernel's keyring
    Keys(keys::Keys),
    /// Event counters
    Eventfds(eventfds::Eventfds),
    /// Rings of io_uring
    IoUrings(io_urings::IoUrings),
    /// None: a file is written
    Write(write::Write),
    /// No memory of its own: swap is switched off
    SwapOff(swap_off::SwapOff),
    /// Private anonymous memory that is mapped and not touched
    Reserve(reserve::Reserve),
    /// No memory of its own: another process's is written to
    Poke(poke::Poke),
    /// No memory: the own score is read until a signal ends this process
    Scores,
    /// No memory: another process is killed with SIGKILL
    Kill(kill::Kill),
}

/// Allocated memory, which is released on drop: mappings, processes that hold memory, or files that keep memory allocated.
#[derive(Default)]
pub(crate) struct Taken {
    mappings: Vec<mapping::Mapping>,
    _children: Vec<std::process::Child>,
    _files: Vec<OwnedFd>,
}

impl Shape {
    /// Allocates the part that comes before the word to begin.
    pub(crate) fn take_before_word(&self) -> Result<Taken> {
        if let Self::PageTables(tables) = self { tables.take_before_word() } else { Ok(Taken::default()) }
    }

    /// Allocates the memory and touches every page of it.
    pub(crate) fn take(&self) -> Result<Taken> {
        match self {
            Self::Idle => Ok(Taken::default()),
            Self::Anon(anon) => anon.take(),
            Self::Leak(leak) => leak.take(),
            Self::Thread(thread) => thread.take(),
            Self::File(file) => file.take(),
            Self::Shmem(shmem) => shmem.take(),
            Self::PageTables(tables) => tables.take(),
            Self::Fragments(fragments) => fragments.take(),
            Self::WrittenFile(file) => file.take(),
            Self::Children(children) => children.take(),
            Self::Crowd(crowd) => crowd.take(),
            Self::Threads(threads) => threads.take(),
            Self::Orphan(orphan) => orphan.take(),
            Self::Twin(twin) => twin.take(),
            Self::Equals(equals) => equals.take(),
            Self::LastWords(last_words) => last_words.take(),
            Self::Pipes(shape) => shape.take(),
            Self::Sockets(shape) => shape.take(),
            Self::Memfd(shape) => shape.take(),
            Self::SysvShm(shape) => shape.take(),
            Self::HugePages(shape) => shape.take(),
            Self::Locked(shape) => shape.take(),
            Self::PacketRing(shape) => shape.take(),
            Self::PerfRings(shape) => shape.take(),
            Self::BpfMaps(shape) => shape.take(),
            Self::Keys(shape) => shape.take(),
            Self::Eventfds(shape) => shape.take(),
            Self::IoUrings(shape) => shape.take(),
            Self::Write(write) => write.take(),
            Self::SwapOff(swap) => swap.take(),
            Self::Reserve(reserve) => reserve.take(),
            Self::Poke(poke) => poke.take(),
            Self::Scores => scores::read_for_ever(),
            Self::Kill(kill) => kill.take(),
        }
    }
}

impl From<mapping::Mapping> for Taken {
    fn from(mapping: mapping::Mapping) -> Self {
        vec![mapping].into()
    }
}

impl From<Vec<mapping::Mapping>> for Taken {
    fn from(mappings: Vec<mapping::Mapping>) -> Self {
        Self { mappings, ..Self::default() }
    }
}

impl From<Vec<std::process::Child>> for Taken {
    fn from(children: Vec<std::process::Child>) -> Self {
        Self { _children: children, ..Self::default() }
    }
}

impl From<Vec<OwnedFd>> for Taken {
    fn from(files: Vec<OwnedFd>) -> Self {
        Self { _files: files, ..Self::default() }
    }
}
