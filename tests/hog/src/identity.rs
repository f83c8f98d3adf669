//! The traits of the process that matter to the OOM killer: name, user, `oom_score_adj`, cgroups.

use std::fs;

use anyhow::{Context, Result};
use clap::Args;
use oomtrace_scenarios::text::Text;

/// The traits to take on before any memory is taken.
#[derive(Args)]
pub(crate) struct Identity {
    /// Name of the process (comm), `\xNN` standing for any byte
    #[arg(long, global = true)]
    comm: Option<Text>,
    /// `oom_score_adj`; always written, because one is inherited
    #[arg(long, global = true, default_value_t = 0, allow_negative_numbers = true)]
    adj: i16,
    /// User to become, after everything that takes privileges
    #[arg(long, global = true)]
    uid: Option<u32>,
    /// Directory of a cgroup to join, `\xNN` standing for any byte; repeatable
    #[arg(long, global = true)]
    cgroup: Vec<Text>,
}

impl Identity {
    /// Takes on the traits, the user last.
    pub(crate) fn assume(&self) -> Result<()> {
        for cgroup in &self.cgroup {
            let procs = cgroup.to_path().join("cgroup.procs");
            fs::write(&procs, "0").with_context(|| format!("joining {}", procs.display()))?;
        }
        fs::write("/proc/self/oom_score_adj", self.adj.to_string())
            .with_context(|| format!("setting oom_score_adj to {}", self.adj))?;
        if let Some(uid) = self.uid {
            become_user(uid)?;
        }
        self.comm.as_ref().map_or(Ok(()), |comm| set_comm(comm.as_bytes()))
    }
}

/// Names the calling thread. The kernel truncates the name to 15 bytes.
pub(crate) fn set_comm(comm: &[u8]) -> Result<()> {
    let comm = std::ffi::CString::new(comm).context("a comm cannot hold a zero byte")?;
    rustix::thread::set_name(&comm).context("setting the comm")
}

/// Changes all user ids of the process.
fn become_user(uid: u32) -> Result<()> {
    // SAFETY: setresuid takes numbers only and touches no memory of ours.
    match unsafe { libc::setresuid(uid, uid, uid) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()).with_context(|| format!("becoming user {uid}")),
    }
}
