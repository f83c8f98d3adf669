//! Attribution: finds the container, the pod, the unit, the user and the job of a process from the path of its cgroup.

mod attribution;
pub mod cgroup;
mod container;
mod job;
mod pod;
mod shape;
mod title;
mod unit;

pub use self::{
    attribution::{Attribution, Container, Pod},
    container::{PathContainer, RUNTIMES, Runtime},
    job::{Job, JobKind},
    pod::{PathPod, Qos},
    title::title,
};
use crate::bytes::ByteString;

/// The attribution that the path of a cgroup gives by itself, without any file or API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The innermost container.
    pub container: Option<PathContainer>,
    /// The innermost Kubernetes pod.
    pub pod: Option<PathPod>,
    /// The innermost systemd unit that is not a slice, unescaped.
    pub unit: Option<ByteString>,
    /// The slice that holds this unit, unescaped.
    pub slice: Option<ByteString>,
    /// The user that the slice or the session belongs to.
    pub uid: Option<u32>,
    /// The login session.
    pub session: Option<ByteString>,
    /// The batch job.
    pub job: Option<Job>,
}

impl Place {
    /// Reads a path relative to the mount of the memory hierarchy. Any bytes are accepted. A value that no rule finds is
    /// absent.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        let mut place = Self::default();
        let mut walk = Walk { path, above: Vec::new() };
        for (end, level) in levels(path) {
            place.enter(&walk, end, level);
            walk.above.push(level);
        }
        place
    }

    /// Takes one more level into account. Inner levels replace outer ones.
    fn enter(&mut self, walk: &Walk<'_>, end: usize, level: &[u8]) {
        if let Some(pod) = pod::at(walk, end, level) {
            let is_outermost = self.pod.is_none() && self.container.is_none() && !walk.is_in_unit();
            self.pod = Some(PathPod { is_outermost, ..pod });
        }
        if let Some(container) = container::at(walk, end, level) {
            self.container = Some(PathContainer { is_outermost: self.container.is_none(), ..container });
        }
        if let Some(job) = job::at(walk, level) {
            self.job = Some(job);
        }
        if let Some(slice) = unit::slice(level) {
            self.uid = unit::slice_uid(level).or(self.uid);
            (self.slice, self.unit) = (Some(slice), None);
        } else if let Some(unit) = unit::unit(level) {
            self.uid = unit::manager_uid(level).or(self.uid);
            self.session = unit::session(level).or(self.session.take());
            self.unit = Some(unit);
        } else if let Some((uid, session)) = unit::upstart(walk, level) {
            (self.uid, self.session) = (Some(uid), session.or(self.session.take()));
        }
    }
}

/// The levels above the current one.
struct Walk<'a> {
    path: &'a [u8],
    above: Vec<&'a [u8]>,
}

impl<'a> Walk<'a> {
    /// The level that holds the current one.
    fn parent(&self) -> &'a [u8] {
        self.above.last().copied().unwrap_or_default()
    }

    /// The level that holds the parent.
    fn grandparent(&self) -> &'a [u8] {
        self.above.iter().rev().nth(1).copied().unwrap_or_default()
    }

    /// Whether a service or scope is above.
    fn is_in_unit(&self) -> bool {
        self.above.iter().any(|level| unit::unit(level).is_some())
    }

    /// The path up to a byte.
    fn up_to(&self, end: usize) -> ByteString {
        ByteString::from(self.path.get(..end).unwrap_or_default().to_vec())
    }
}

/// The names between the slashes, each with the offset after it.
fn levels(path: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut end = 0;
    path.split(|byte| *byte == b'/').filter_map(move |level| {
        end += level.len();
        let behind = end;
        end += 1;
        (!level.is_empty()).then_some((behind, level))
    })
}
