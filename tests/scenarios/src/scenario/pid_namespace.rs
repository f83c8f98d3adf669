//! Processes that die together: a pid namespace does not outlive its init.

use super::{Process, Scenario};

impl Scenario {
    /// The init of a process's pid namespace: when it dies, the kernel kills the process. `None` for an init itself, and for a
    /// process of the first namespace.
    #[must_use]
    pub fn init_of(&self, process: &Process) -> Option<&Process> {
        let name = process.pid_namespace.as_ref()?;
        let init = self.processes.iter().find(|other| other.pid_namespace.as_ref() == Some(name))?;
        (init.role != process.role).then_some(init)
    }
}
