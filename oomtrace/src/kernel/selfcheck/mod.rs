//! Compares this process as the eBPF side reads it through the layout with procfs. So a wrong layout is found before its values
//! are used.

mod procfs;

use oomtrace_common::{event::Task, layout::KernelLayout};

pub use self::procfs::SelfFacts;

/// A layout that cannot be right, or a check that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SelfCheckError {
    /// A field read through the layout differs from procfs.
    #[error(
        "{field} of our own process, read at byte {offset} where the kernel's BTF says it is, is {kernel}; procfs says \
         {procfs}"
    )]
    Mismatch {
        /// The kernel's name of the field.
        field: &'static str,
        /// Its offset.
        offset: u32,
        /// The value read through the layout.
        kernel: String,
        /// The value in procfs.
        procfs: String,
    },
    /// The eBPF side did not read a field.
    #[error(
        "{field} of our own process could not be read at byte {offset}, where the kernel's BTF says it is"
    )]
    Unread {
        /// The kernel's name of the field.
        field: &'static str,
        /// Its offset.
        offset: u32,
    },
    /// A file of procfs could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file of procfs lacks a field.
    #[error("{path} has no readable {field}")]
    Format {
        /// The file.
        path: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// Compares the task that the eBPF side read with `procfs`. Both must come from the same thread.
///
/// # Errors
/// The first field that differs or was not read.
pub fn compare(task: &Task, procfs: &SelfFacts, layout: &KernelLayout) -> Result<(), SelfCheckError> {
    pids(task, procfs, layout)?;
    comms(task, procfs, layout)?;
    read(task, Task::OOM_SCORE_ADJ, "signal_struct.oom_score_adj", layout.signal_struct_oom_score_adj)?;
    equal(
        "signal_struct.oom_score_adj",
        layout.signal_struct_oom_score_adj,
        &task.oom_score_adj,
        &procfs.oom_score_adj,
    )?;
    equal(
        "task_struct.start_boottime (in clock ticks)",
        layout.task_struct_start_boottime,
        &procfs.ticks(task.start_boot_ns),
        &procfs.start_ticks,
    )
}

/// Compares the process ids. In a pid namespace below the initial one, procfs does not show the kernel's ids, and only the
/// innermost id is compared.
fn pids(task: &Task, procfs: &SelfFacts, layout: &KernelLayout) -> Result<(), SelfCheckError> {
    read(task, Task::PID, "task_struct.tgid", layout.task_struct_tgid)?;
    if procfs.initial_pid_namespace {
        equal("task_struct.tgid", layout.task_struct_tgid, &task.pid, &procfs.pid)?;
        equal("task_struct.pid", layout.task_struct_pid, &task.tid, &procfs.tid)?;
    }
    if task.present & Task::NS_PID == 0 {
        return Ok(());
    }
    equal("upid.nr", layout.upid_nr, &task.ns_pid, &procfs.pid)
}

fn comms(task: &Task, procfs: &SelfFacts, layout: &KernelLayout) -> Result<(), SelfCheckError> {
    let comm = |field, kernel: &[u8], procfs: &[u8]| {
        let kernel = kernel.split(|byte| *byte == 0).next().unwrap_or_default();
        equal(
            field,
            layout.task_struct_comm,
            &kernel.escape_ascii().to_string(),
            &procfs.escape_ascii().to_string(),
        )
    };
    comm("task_struct.comm", &task.comm, &procfs.comm)?;
    read(task, Task::LEADER, "task_struct.group_leader", layout.task_struct_group_leader)?;
    comm("group_leader->comm", &task.leader_comm, &procfs.leader_comm)
}

fn read(task: &Task, bit: u32, field: &'static str, offset: u32) -> Result<(), SelfCheckError> {
    if task.present & bit == 0 {
        return Err(SelfCheckError::Unread { field, offset });
    }
    Ok(())
}

fn equal<T: PartialEq + ToString + ?Sized>(
    field: &'static str,
    offset: u32,
    kernel: &T,
    procfs: &T,
) -> Result<(), SelfCheckError> {
    if kernel == procfs {
        return Ok(());
    }
    Err(SelfCheckError::Mismatch { field, offset, kernel: kernel.to_string(), procfs: procfs.to_string() })
}
