//! The thread that fills the table: it reads what exists at the start and follows all changes.

use std::{
    collections::BTreeMap,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags},
    thread::CapabilitySet,
};

use super::{
    files, machines, node, oci,
    places::{Kind, USER_STATES},
    storage::Storage,
    table::{Table, digest},
};
use crate::kernel::privilege::keep_only;

/// The capabilities that the thread keeps, for files that only root can read.
const NEEDED: CapabilitySet = CapabilitySet::DAC_READ_SEARCH.union(CapabilitySet::IPC_LOCK);

/// Stack size. File contents are on the heap.
const STACK_BYTES: usize = 256 << 10;

/// Delays before a missing or half-written file is read again, each after the previous attempt, ms.
const AGAIN_MS: [u64; 7] = [2, 10, 30, 100, 300, 1000, 3000];

/// Maximum number of bytes of events that are read at once.
const EVENT_BYTES: usize = 4096;

/// Maximum number of entries that wait to be read. A user may create any number of them.
const JOBS: usize = 4096;

/// Maximum number of watches of the thread that reads users' files. The kernel limits those of root.
const USERS_WATCHES: usize = 1024;

/// The longest rest of the thread that reads users' files.
const LONGEST_REST: Duration = Duration::from_secs(10);

const COMING_AND_GOING: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::MASK_ADD);

const EXCHANGED: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::MASK_ADD);

/// Starts a thread for these places. If the kernel has no inotify instance left, there are no names.
pub(super) fn start(name: &str, places: &'static [(&str, Kind)], table: &Arc<Mutex<Table>>) {
    let Ok(inotify) = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) else { return };
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    let table = Arc::clone(table);
    let run = move || {
        // A capability that cannot be dropped does no harm here.
        let _ = keep_only(NEEDED);
        Watcher::new(inotify, table, places).run();
    };
    // Without the thread there are no names, and everything else continues.
    let _ = thread.spawn(run);
}

pub(super) struct Watcher {
    inotify: OwnedFd,
    table: Arc<Mutex<Table>>,
    places: Vec<(PathBuf, Kind)>,
    /// Watches by the number from inotify.
    watched: BTreeMap<i32, Watched>,
    jobs: Vec<Job>,
    storage: Storage,
    /// The end of the last rest or wait.
    working_since: Instant,
}

/// The purpose of a watch.
enum Watched {
    /// A directory above a place that does not exist yet.
    Above,
    /// A place, or a namespace in it.
    Place(PathBuf, Kind),
    /// A directory in which the name of one container may change.
    Container(PathBuf, Kind),
    /// A directory in which the names of podman's containers may change.
    Storage,
}

/// A file or directory to be read.
#[derive(Clone)]
struct Job {
    path: PathBuf,
    kind: Kind,
    times: usize,
    due: Instant,
}

/// A change in a watched directory.
struct Event {
    watch: i32,
    name: Option<String>,
    came: bool,
    went: bool,
    ended: bool,
}

impl Watcher {
    pub(super) fn new(inotify: OwnedFd, table: Arc<Mutex<Table>>, places: &[(&str, Kind)]) -> Self {
        let places = places.iter().map(|(path, kind)| (PathBuf::from(path), *kind)).collect();
        let (watched, jobs, storage) = (BTreeMap::new(), Vec::new(), Storage::default());
        Self { inotify, table, places, watched, jobs, storage, working_since: Instant::now() }
    }

    fn run(mut self) {
        self.find_places();
        loop {
            self.work();
            if self.jobs.is_empty() {
                self.storage.forget();
            }
            self.rest();
            self.wait();
            self.hear();
        }
    }

    /// Whether this thread reads the files of users.
    fn is_of_users(&self) -> bool {
        self.places.iter().any(|(_, kind)| *kind == Kind::Users)
    }

    /// Rests after a piece of work for users, who could otherwise keep a CPU busy with new files.
    fn rest(&mut self) {
        if self.is_of_users() {
            thread::sleep(rest_after(self.working_since.elapsed()));
            self.working_since = Instant::now();
        }
    }

    /// Watches the existing places, and waits for the others to appear.
    pub(super) fn find_places(&mut self) {
        for (path, kind) in self.places.clone() {
            let is_watched =
                self.watched.values().any(|known| matches!(known, Watched::Place(own, _) if *own == path));
            if !is_watched && !self.watch(&path, kind) {
                self.watch_above(&path);
            }
        }
    }

    /// Watches a directory and reads its existing entries.
    fn watch(&mut self, path: &Path, kind: Kind) -> bool {
        let own = if kind.owner().is_some() { WatchFlags::DONT_FOLLOW } else { WatchFlags::empty() };
        let Ok(watch) = inotify::add_watch(&self.inotify, path, COMING_AND_GOING | own) else { return false };
        self.watched.insert(watch, Watched::Place(path.to_owned(), kind));
        if kind != Kind::Etc {
            for name in files::names(kind.owner(), path) {
                self.came(path, kind, &name);
                // Read each entry immediately. Otherwise a thousand containers would wait until all are listed.
                self.work();
            }
        }
        true
    }

    fn watch_above(&mut self, path: &Path) {
        let above = path.ancestors().skip(1).find(|above| above.is_dir());
        let Some(above) = above else { return };
        if let Ok(watch) = inotify::add_watch(&self.inotify, above, COMING_AND_GOING) {
            self.watched.entry(watch).or_insert(Watched::Above);
        }
    }

    /// Handles a new entry in a directory.
    fn came(&mut self, directory: &Path, kind: Kind, name: &str) {
        match kind {
            Kind::Tasks => {
                self.watch(&directory.join(name), Kind::Namespace);
            }
            Kind::Users => self.user_came(&directory.join(name), name),
            Kind::Etc if name != "passwd" => {}
            Kind::Namespace | Kind::State | Kind::UserState(_) | Kind::Machines | Kind::Pods | Kind::Etc => {
                self.want(directory.join(name), kind, Duration::ZERO);
            }
        }
    }

    /// Adds the places of a user who has logged in.
    fn user_came(&mut self, directory: &Path, name: &str) {
        let Ok(uid) = name.parse() else { return };
        for state in USER_STATES {
            let place = (directory.join(state), Kind::UserState(uid));
            if !self.places.contains(&place) {
                self.places.push(place);
            }
        }
        self.find_places();
    }

    fn want(&mut self, path: PathBuf, kind: Kind, after: Duration) {
        self.jobs.retain(|job| job.path != path);
        if self.jobs.len() >= JOBS {
            return;
        }
        self.jobs.push(Job { path, kind, times: 0, due: Instant::now() + after });
    }

    /// Reads everything that is due.
    pub(super) fn work(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.jobs).into_iter().partition(|job| job.due <= now);
        self.jobs = later;
        let due: Vec<Job> = due;
        for job in due {
            if self.read(&job)
                && let Some(after) = AGAIN_MS.get(job.times)
            {
                let due = Instant::now() + Duration::from_millis(*after);
                self.jobs.push(Job { times: job.times + 1, due, ..job });
            }
            self.rest();
        }
    }

    /// Reads one entry. Returns whether it must be read again.
    fn read(&mut self, job: &Job) -> bool {
        let path = job.path.as_path();
        let found = match job.kind {
            Kind::Namespace => {
                let namespace = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
                oci::task(path, namespace.unwrap_or_default())
            }
            Kind::State | Kind::UserState(_) => oci::state(job.kind.owner(), path, &mut self.storage),
            Kind::Machines => machines::machine(path),
            Kind::Pods => {
                let pod = path.file_name().and_then(|name| node::pod(name.to_str()?));
                if let Some(pod) = pod {
                    self.table().keep_pod(&pod, digest(path));
                }
                return false;
            }
            Kind::Etc => {
                self.table().keep_users(&node::users());
                return false;
            }
            Kind::Tasks | Kind::Users => return false,
        };
        if let Some(container) = &found.container {
            match job.kind.owner() {
                Some(_) => self.table().keep_users_container(container, digest(path)),
                None => self.table().keep_container(container, digest(path)),
            }
        }
        if let Some(directory) = &found.names_in {
            self.watch_names(directory, job);
        }
        found.again
    }

    fn watch_names(&mut self, directory: &Path, job: &Job) {
        let mut flags = EXCHANGED;
        if let Some(uid) = job.kind.owner() {
            // A user's file may contain the path of any directory.
            if self.watched.len() >= USERS_WATCHES || !files::is_ours(uid, directory) {
                return;
            }
            flags |= WatchFlags::DONT_FOLLOW;
        }
        if let Ok(watch) = inotify::add_watch(&self.inotify, directory, flags) {
            let is_state = matches!(job.kind, Kind::State | Kind::UserState(_));
            let new =
                || if is_state { Watched::Storage } else { Watched::Container(job.path.clone(), job.kind) };
            self.watched.entry(watch).or_insert_with(new);
        }
    }

    /// Locks the table for a moment. The tracing thread does not wait for it.
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until something has changed or is due.
    fn wait(&self) {
        let due = self.jobs.iter().map(|job| job.due).min();
        let timeout = due.map(|due| due.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // If poll is interrupted, the next step still finds all pending work.
        let _ = poll(&mut [PollFd::new(&self.inotify, PollFlags::IN)], timeout.as_ref());
    }

    /// Processes changes. Further ones wait until the next call.
    pub(super) fn hear(&mut self) {
        self.working_since = Instant::now();
        let Some(events) = self.events() else { return self.begin_anew() };
        for event in events {
            self.changed(event);
            self.rest();
        }
    }

    /// Returns pending events, as many as are read at once; `None` if some were lost.
    fn events(&self) -> Option<Vec<Event>> {
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut events = Vec::new();
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                return None;
            }
            events.push(Event {
                watch: event.wd(),
                name: event.file_name().and_then(|name| Some(name.to_str().ok()?.to_owned())),
                came: flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO | ReadFlags::CLOSE_WRITE),
                went: flags.intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM),
                ended: flags.contains(ReadFlags::IGNORED),
            });
            // A user who keeps creating events must not keep this loop busy.
            if reader.is_buffer_empty() {
                break;
            }
        }
        Some(events)
    }

    fn changed(&mut self, event: Event) {
        let Event { watch, name, came, went, ended } = event;
        if ended {
            self.watched.remove(&watch);
            return self.find_places();
        }
        let name = name.unwrap_or_default();
        match self.watched.get(&watch) {
            Some(Watched::Above) => self.find_places(),
            // A user has logged out, and the names of this user's containers with the user.
            Some(Watched::Place(directory, Kind::Users)) if went => {
                let directory = directory.join(&name);
                self.places.retain(|(place, _)| !place.starts_with(&directory));
                self.begin_anew();
            }
            Some(Watched::Place(directory, kind)) => {
                let (directory, kind) = (directory.clone(), *kind);
                if went {
                    self.went(&directory.join(&name));
                } else if came {
                    self.came(&directory, kind, &name);
                }
                // The directory may also be above a place.
                self.find_places();
            }
            Some(Watched::Container(path, kind)) if came && name == "config.v2.json" => {
                let (path, kind) = (path.clone(), *kind);
                self.want(path, kind, Duration::ZERO);
            }
            Some(Watched::Storage) if came && name == "containers.json" => self.read_states(),
            Some(Watched::Container(..) | Watched::Storage) | None => {}
        }
    }

    fn went(&mut self, path: &Path) {
        self.jobs.retain(|job| job.path != path);
        self.table().forget(digest(path));
    }

    /// Reads the states of all containers again, because any of podman's containers may have been renamed.
    fn read_states(&mut self) {
        let states = self.watched.values().filter_map(|watched| match watched {
            Watched::Place(path, kind @ (Kind::State | Kind::UserState(_))) => Some((path.clone(), *kind)),
            Watched::Place(..) | Watched::Above | Watched::Container(..) | Watched::Storage => None,
        });
        for (directory, kind) in states.collect::<Vec<_>>() {
            for name in files::names(kind.owner(), &directory) {
                // Combine several changes in a row into one.
                self.want(directory.join(name), kind, Duration::from_millis(50));
            }
        }
    }

    /// Begins again after changes were lost, because the known names are no longer reliable.
    fn begin_anew(&mut self) {
        if self.is_of_users() {
            self.table().forget_users();
        } else {
            self.table().forget_roots();
        }
        self.jobs.clear();
        for (path, kind) in self.places.clone() {
            self.watch(&path, kind);
        }
    }
}

/// Returns how long the thread rests after working for users: it uses at most a tenth of a CPU.
fn rest_after(work: Duration) -> Duration {
    work.saturating_mul(9).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST_REST, rest_after};

    #[test]
    fn rests_nine_times_the_work() {
        assert_eq!(rest_after(Duration::from_millis(20)), Duration::from_millis(180));
        assert_eq!(rest_after(Duration::from_secs(3600)), LONGEST_REST);
        assert_eq!(rest_after(Duration::MAX), LONGEST_REST);
    }
}
