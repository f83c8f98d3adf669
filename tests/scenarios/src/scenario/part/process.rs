//! The processes of a scenario.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// The time at which a process allocates its memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Before the tracer starts. The process then holds its memory.
    Bystander,
    /// Once the tracer is armed. Until then the process waits, completely prepared except for the memory.
    Allocator,
}

/// A process: `hog` with a shape, and its identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Process {
    /// Its name in this scenario.
    pub role: String,
    /// The time at which it allocates its memory.
    pub part: Part,
    /// The shape and its arguments, as `hog` takes them.
    pub shape: Vec<String>,
    /// Whether it stays after it allocated its memory.
    pub hold: bool,
    /// Its comm, if not `hog`.
    pub comm: Option<Text>,
    /// Its `oom_score_adj`.
    pub oom_score_adj: i16,
    /// Its user.
    pub uid: u32,
    /// The number of runs, one after the other.
    #[serde(default = "once")]
    pub runs: usize,
    /// Its memory cgroup, if not the root, as a path below the hierarchy's mount.
    pub cgroup: Option<Text>,
    /// The names of the processes that it starts and announces with `child PID`, in order. They have its user, its
    /// `oom_score_adj` and its cgroup.
    #[serde(default)]
    pub children: Vec<String>,
    /// Its pid namespace, if not the first. The first process in a namespace is its init.
    #[serde(default)]
    pub pid_namespace: Option<String>,
    /// The role that must have ended before this one starts.
    #[serde(default)]
    pub after: Option<String>,
}

fn once() -> usize {
    1
}

impl Process {
    /// The number of threads besides the first, if its shape has several.
    pub(crate) fn threads(&self) -> Option<u64> {
        let [shape, count, threads, ..] = self.shape.as_slice() else { return None };
        (shape == "threads" && count == "--count").then(|| threads.parse().ok()).flatten()
    }

    fn new(role: &str, part: Part, shape: &[&str], hold: bool) -> Self {
        Self {
            role: role.to_owned(),
            part,
            shape: shape.iter().map(|&word| word.to_owned()).collect(),
            hold,
            comm: None,
            oom_score_adj: 0,
            uid: 0,
            runs: 1,
            cgroup: None,
            children: Vec::new(),
            pid_namespace: None,
            after: None,
        }
    }

    /// A process that allocates anonymous memory after the tracer is armed, and then exits.
    pub(crate) fn allocator(role: &str, mib: u32) -> Self {
        Self::new(role, Part::Allocator, &["anon", "--mib", &mib.to_string()], false)
    }

    /// A process that holds anonymous memory before the tracer is armed.
    pub(crate) fn bystander(role: &str, mib: u32) -> Self {
        Self::new(role, Part::Bystander, &["anon", "--mib", &mib.to_string()], true)
    }

    /// One that does something once the tracer is armed, as a shape and its arguments say.
    pub(crate) fn acting(role: &str, shape: &[&str]) -> Self {
        Self::new(role, Part::Allocator, shape, false)
    }

    /// A process that acts before the tracer is armed, and stays.
    pub(in crate::scenario) fn staying(role: &str, shape: &[&str]) -> Self {
        Self::new(role, Part::Bystander, shape, true)
    }

    /// Sets the names of the processes that it starts.
    pub(in crate::scenario) fn children(mut self, roles: &[&str]) -> Self {
        self.children = roles.iter().map(|&role| role.to_owned()).collect();
        self
    }

    /// A process that sends SIGKILL to the process with this name after the tracer is armed.
    pub(in crate::scenario) fn killer(role: &str, target: &str) -> Self {
        Self::new(role, Part::Allocator, &["kill", "--target", target], false)
    }

    /// A process that kills a whole cgroup, by its directory, after the tracer is armed.
    pub(in crate::scenario) fn cgroup_killer(role: &str, directory: &str) -> Self {
        Self::new(role, Part::Allocator, &["kill", "--kill-cgroup", directory], false)
    }

    /// The same with a frozen target, which cannot die until it is thawed.
    pub(in crate::scenario) fn freezing_killer(role: &str, target: &str) -> Self {
        Self::new(role, Part::Allocator, &["kill", "--target", target, "--freeze"], false)
    }

    pub(in crate::scenario) fn after(mut self, role: &str) -> Self {
        self.after = Some(role.to_owned());
        self
    }

    pub(crate) fn comm(mut self, comm: &[u8]) -> Self {
        self.comm = Some(comm.into());
        self
    }

    pub(crate) fn oom_score_adj(mut self, adj: i16) -> Self {
        self.oom_score_adj = adj;
        self
    }

    pub(crate) fn uid(mut self, uid: u32) -> Self {
        self.uid = uid;
        self
    }

    pub(in crate::scenario) fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// Restricts its memory to one node (`MPOL_BIND`).
    pub(in crate::scenario) fn bound_to(mut self, node: u32) -> Self {
        self.shape.extend(["--bind-node".to_owned(), node.to_string()]);
        self
    }

    pub(crate) fn cgroup(mut self, path: impl Into<Text>) -> Self {
        self.cgroup = Some(path.into());
        self
    }

    /// Whether the role is its own or one of its children's.
    #[must_use]
    pub fn plays(&self, role: &str) -> bool {
        self.role == role || self.children.iter().any(|child| child == role)
    }

    pub(in crate::scenario) fn pid_namespace(mut self, name: &str) -> Self {
        self.pid_namespace = Some(name.to_owned());
        self
    }

    /// Sets another shape: the arguments of `hog`.
    pub(in crate::scenario) fn shape(mut self, words: &[&str]) -> Self {
        self.shape = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The anonymous memory of its shape in bytes. `None` for shapes that allocate something else.
    #[must_use]
    pub fn anonymous_bytes(&self) -> Option<u64> {
        let [shape, option, mib] = self.shape.as_slice() else { return None };
        (shape == "anon" && option == "--mib").then(|| mib.parse::<u64>().ok())?.map(|mib| mib << 20)
    }

    /// Its comm in the kernel.
    #[must_use]
    pub fn kernel_comm(&self) -> Text {
        self.comm.clone().unwrap_or_else(|| "hog".into())
    }

    /// Its memory cgroup. The root is `/`.
    #[must_use]
    pub fn cgroup_path(&self) -> Text {
        self.cgroup.clone().unwrap_or_else(|| "/".into())
    }
}
