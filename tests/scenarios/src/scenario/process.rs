//! The processes of a scenario.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// When a process takes its memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Before the tracer is there; it holds its memory by then.
    Bystander,
    /// Once the tracer is armed; until then it waits, with everything but the memory in place.
    Allocator,
}

/// A process: `hog` with a shape, and who it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Process {
    /// The name this scenario knows it by.
    pub role: String,
    /// When it takes its memory.
    pub part: Part,
    /// The shape and its arguments, as `hog` takes them.
    pub shape: Vec<String>,
    /// Whether it stays once it has its memory.
    pub hold: bool,
    /// Its comm, if not `hog`.
    pub comm: Option<Text>,
    /// Its `oom_score_adj`.
    pub oom_score_adj: i16,
    /// Its user.
    pub uid: u32,
    /// How many times it is run, each time after the end of the time before.
    #[serde(default = "once")]
    pub runs: usize,
    /// Its memory cgroup, if not the root: a path below the hierarchy's mount.
    pub cgroup: Option<Text>,
    /// The names of the processes that it makes and tells of by `child PID`, in order; they have its user, its
    /// `oom_score_adj` and its cgroup.
    #[serde(default)]
    pub children: Vec<String>,
    /// Its pid namespace, if not the first; the first process to name one is its init.
    #[serde(default)]
    pub pid_namespace: Option<String>,
    /// The role that must have ended before this one may begin.
    #[serde(default)]
    pub after: Option<String>,
}

fn once() -> usize {
    1
}

impl Process {
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

    /// One that takes anonymous memory after the tracer is armed, and ends when it has it.
    pub(crate) fn allocator(role: &str, mib: u32) -> Self {
        Self::new(role, Part::Allocator, &["anon", "--mib", &mib.to_string()], false)
    }

    /// One that holds anonymous memory before the tracer is armed.
    pub(crate) fn bystander(role: &str, mib: u32) -> Self {
        Self::new(role, Part::Bystander, &["anon", "--mib", &mib.to_string()], true)
    }

    /// One that does something once the tracer is armed, as a shape and its arguments say.
    pub(super) fn acting(role: &str, shape: &[&str]) -> Self {
        Self::new(role, Part::Allocator, shape, false)
    }

    /// One that does something before the tracer is armed, and stays.
    pub(super) fn staying(role: &str, shape: &[&str]) -> Self {
        Self::new(role, Part::Bystander, shape, true)
    }

    /// The names of the processes it makes.
    pub(super) fn children(mut self, roles: &[&str]) -> Self {
        self.children = roles.iter().map(|&role| role.to_owned()).collect();
        self
    }

    /// One that sends SIGKILL to the process of that name after the tracer is armed.
    pub(super) fn killer(role: &str, target: &str) -> Self {
        Self::new(role, Part::Allocator, &["kill", "--target", target], false)
    }

    /// One that kills all of a cgroup, by its folder, after the tracer is armed.
    pub(super) fn cgroup_killer(role: &str, folder: &str) -> Self {
        Self::new(role, Part::Allocator, &["kill", "--kill-cgroup", folder], false)
    }

    /// The same, and the target is frozen before: it cannot die until somebody thaws it.
    pub(super) fn freezing_killer(role: &str, target: &str) -> Self {
        Self::new(role, Part::Allocator, &["kill", "--target", target, "--freeze"], false)
    }

    pub(super) fn after(mut self, role: &str) -> Self {
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

    pub(super) fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// Its memory may come from one node only (`MPOL_BIND`).
    pub(super) fn bound_to(mut self, node: u32) -> Self {
        self.shape.extend(["--bind-node".to_owned(), node.to_string()]);
        self
    }

    pub(crate) fn cgroup(mut self, path: impl Into<Text>) -> Self {
        self.cgroup = Some(path.into());
        self
    }

    /// Whether a role is its own or one of its children's.
    #[must_use]
    pub fn plays(&self, role: &str) -> bool {
        self.role == role || self.children.iter().any(|child| child == role)
    }

    pub(super) fn pid_namespace(mut self, name: &str) -> Self {
        self.pid_namespace = Some(name.to_owned());
        self
    }

    /// The same with another shape: the words `hog` takes.
    pub(super) fn shape(mut self, words: &[&str]) -> Self {
        self.shape = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The anonymous memory that its shape takes, bytes; `None` for shapes that take something else.
    #[must_use]
    pub fn anonymous_bytes(&self) -> Option<u64> {
        let [shape, option, mib] = self.shape.as_slice() else { return None };
        (shape == "anon" && option == "--mib").then(|| mib.parse::<u64>().ok())?.map(|mib| mib << 20)
    }

    /// The name the kernel knows it by.
    #[must_use]
    pub fn kernel_comm(&self) -> Text {
        self.comm.clone().unwrap_or_else(|| "hog".into())
    }

    /// Its memory cgroup, the root being `/`.
    #[must_use]
    pub fn cgroup_path(&self) -> Text {
        self.cgroup.clone().unwrap_or_else(|| "/".into())
    }
}
