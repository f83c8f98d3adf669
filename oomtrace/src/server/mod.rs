//! The consumers of a live run: everything that may block, on a thread of its own.
//!
//! The tracing thread puts each report into one bounded queue per consumer and continues at once. The consumers run on a
//! `tokio` runtime with one thread. If a consumer is too slow, it loses its own messages, which are counted and reported.
//! Nothing else waits for it. Without a consumer the thread does not start.

mod complaints;
mod facts;
mod feed;
mod hook;
mod journal;
pub mod metrics;
mod prekill;
mod socket;
mod trouble;

use std::{future::Future, io, pin::Pin, sync::Arc, thread::JoinHandle, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinSet,
    time::timeout,
};

use self::{complaints::Complaints, feed::queue, hook::Runs, metrics::Metrics};
pub use self::{
    feed::Feed,
    hook::{Hook, NotFound, Program},
    journal::{Journal, NoJournal},
    metrics::{Listener, Machine},
    prekill::{HOOK_DIRECTORY, OomdHook},
    socket::{Socket, SocketError},
    trouble::{HookError, Tell, Trouble},
};
use crate::kernel::privilege::{NOTHING, keep_only};

/// The time that the consumers have after the stream has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The requested consumers.
#[derive(Default)]
pub struct Wanted {
    /// Serve metrics here.
    pub metrics: Option<Listener>,
    /// Run this for each report.
    pub hook: Option<Hook>,
    /// Write an entry for each report.
    pub journal: Option<Journal>,
    /// Answer questions here.
    pub socket: Option<Socket>,
    /// Hear systemd-oomd here.
    pub oomd_hook: Option<OomdHook>,
}

impl Wanted {
    /// Whether there is no consumer, so that the thread is not needed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.metrics.is_none()
            && self.hook.is_none()
            && self.journal.is_none()
            && self.socket.is_none()
            && self.oomd_hook.is_none()
    }
}

/// The thread with the running consumers.
pub struct Server {
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the thread and returns the sink that feeds it. Call it before the process protects itself, because the tracing
    /// thread then raises its own priority, and a thread that is started later could inherit that.
    ///
    /// # Errors
    ///
    /// If no descriptors or threads are left.
    pub fn start(wanted: Wanted, machine: Machine, tell: Tell) -> io::Result<(Self, Feed)> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (open, over) = oneshot::channel();
        let mut half = Half {
            consumers: Vec::new(),
            background: Vec::new(),
            last_words: LAST_WORDS,
            complaints: Arc::new(Complaints::new(tell)),
        };
        let mut feed = Feed::new(open);
        let runs = wanted.hook.map(|hook| half.run_hook(hook, &mut feed));
        if let Some(journal) = wanted.journal {
            half.write_journal(journal, &mut feed);
        }
        if let Some(socket) = wanted.socket {
            half.answer(socket, &mut feed);
        }
        if let Some(hook) = wanted.oomd_hook {
            half.background.push(Box::pin(prekill::start(hook, Arc::clone(&half.complaints))?));
        }
        if let Some(listener) = wanted.metrics {
            half.serve_metrics(listener, Machine { runs, ..machine }, &mut feed);
        }
        let thread = std::thread::Builder::new()
            .name("oomtrace-server".to_owned())
            .spawn(move || half.run(&runtime, over))?;
        Ok((Self { thread: Some(thread) }, feed))
    }

    /// Waits until the consumers are done, for a few seconds at most. Drop the feed before, or this waits forever.
    pub fn finish(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been reported, and there is nothing left to save here.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A task of the thread.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tasks of the thread.
struct Half {
    /// Tasks that end with their queues.
    consumers: Vec<Work>,
    /// Tasks that run until everything ends.
    background: Vec<Work>,
    /// The time that consumers have after the stream has ended.
    last_words: Duration,
    complaints: Arc<Complaints>,
}

impl Half {
    fn run_hook(&mut self, hook: Hook, feed: &mut Feed) -> Arc<Runs> {
        let (queue, inbox) = queue("--exec", hook::WAITING);
        feed.add(queue.with_json());
        let runs = Arc::new(Runs::default());
        self.last_words = self.last_words.saturating_add(hook.limit);
        self.consumers.push(Box::pin(hook::serve(
            hook,
            inbox,
            Arc::clone(&runs),
            Arc::clone(&self.complaints),
        )));
        runs
    }

    fn write_journal(&mut self, journal: Journal, feed: &mut Feed) {
        let (queue, inbox) = queue("--journal", feed::WAITING);
        feed.add(queue);
        self.consumers.push(Box::pin(journal::serve(journal, inbox, Arc::clone(&self.complaints))));
    }

    fn answer(&mut self, socket: Socket, feed: &mut Feed) {
        let (queue, inbox) = queue("--socket", feed::WAITING);
        let dropped = queue.dropped();
        feed.add(queue.with_json().with_decisions());
        let shared = socket::Shared::new(Arc::clone(&self.complaints));
        self.consumers.push(Box::pin(socket::keep(Arc::clone(&shared), inbox, dropped)));
        self.background.push(Box::pin(socket::serve(socket, shared)));
    }

    fn serve_metrics(&mut self, listener: Listener, machine: Machine, feed: &mut Feed) {
        let (queue, inbox) = queue("--metrics", feed::WAITING);
        feed.add(queue);
        let metrics = Arc::new(Metrics::new(machine, feed.dropped()));
        let (counting, complaints) = (Arc::clone(&metrics), Arc::clone(&self.complaints));
        self.consumers.push(Box::pin(async move {
            inbox.each(&complaints, |message| counting.count(&message.facts)).await;
        }));
        self.background.push(Box::pin(metrics::serve(listener, metrics, Arc::clone(&self.complaints))));
    }

    fn run(self, runtime: &Runtime, over: oneshot::Receiver<()>) {
        // If capabilities cannot be given up, the tracing thread reports it.
        let _ = keep_only(NOTHING);
        runtime.block_on(self.serve(over));
    }

    /// Returns when every consumer has reached the end of its queue, or its time after the end of the stream is over.
    async fn serve(self, over: oneshot::Receiver<()>) {
        let mut background: JoinSet<()> = self.background.into_iter().collect();
        let mut consumers: JoinSet<()> = self.consumers.into_iter().collect();
        // Nothing is ever sent. The sender is dropped with the feed.
        let _ = over.await;
        let all = async { while consumers.join_next().await.is_some() {} };
        if timeout(self.last_words, all).await.is_err() {
            self.complaints.say(&Trouble::Unfinished);
        }
        self.complaints.flush();
        background.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
