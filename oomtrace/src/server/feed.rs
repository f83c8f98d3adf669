//! The tracing thread's side of the queues.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{Trouble, complaints::Complaints, facts::Facts};
use crate::{
    report::Report,
    sink::{Sink, json::line},
};

/// The maximum number of messages that wait for one consumer.
pub(super) const WAITING: usize = 4096;

/// A closed incident in the form that the consumers' thread receives.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Whether this is a decision alone, whose incident is still open. Few consumers receive those.
    pub(super) is_open: bool,
    /// The facts that the consumers need.
    pub(super) facts: Arc<Facts>,
    /// The report as one line of JSON; empty if no consumer needs it.
    pub(super) json: Bytes,
}

/// The number of reports that a consumer did not get.
#[derive(Clone, Debug)]
pub(super) struct Dropped {
    /// The option that requested the consumer.
    pub(super) consumer: &'static str,
    count: Arc<AtomicU64>,
}

impl Dropped {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The queue to one consumer.
pub(super) struct Queue {
    messages: mpsc::Sender<Message>,
    dropped: Dropped,
    needs_json: bool,
    hears_decisions: bool,
}

impl Queue {
    /// Sends decisions as well, before their incidents are closed.
    pub(super) fn with_decisions(self) -> Self {
        Self { hears_decisions: true, ..self }
    }

    fn send(&self, message: Message) {
        // A lost decision is no loss: its report follows.
        let is_report = !message.is_open;
        if self.messages.try_send(message).is_err() && is_report {
            self.dropped.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds the report as JSON to each message.
    pub(super) fn with_json(self) -> Self {
        Self { needs_json: true, ..self }
    }

    /// The number of reports that the consumer did not get.
    pub(super) fn dropped(&self) -> Dropped {
        self.dropped.clone()
    }
}

/// The consumer's side of a queue.
pub(super) struct Inbox {
    messages: mpsc::Receiver<Message>,
    dropped: Dropped,
    said: u64,
}

/// Creates a queue to a consumer that holds this many messages.
pub(super) fn queue(consumer: &'static str, messages: usize) -> (Queue, Inbox) {
    let (sender, receiver) = mpsc::channel(messages);
    let dropped = Dropped { consumer, count: Arc::default() };
    (
        Queue { messages: sender, dropped: dropped.clone(), needs_json: false, hears_decisions: false },
        Inbox { messages: receiver, dropped, said: 0 },
    )
}

impl Inbox {
    /// The next message; `None` once the stream has ended. Reports how many messages were dropped.
    pub(super) async fn next(&mut self, complaints: &Complaints) -> Option<Message> {
        let message = self.messages.recv().await;
        let count = self.dropped.count();
        if count > self.said {
            self.said = count;
            complaints.say(&Trouble::Dropped { consumer: self.dropped.consumer, count });
        }
        message
    }

    /// Calls `work` for each message.
    pub(super) async fn each(mut self, complaints: &Complaints, mut work: impl FnMut(Message)) {
        while let Some(message) = self.next(complaints).await {
            work(message);
        }
    }
}

/// A sink that puts each closed incident into all queues and never waits.
pub struct Feed {
    queues: Vec<Queue>,
    /// Closes when the feed is dropped, so that the other thread knows that no more messages follow.
    _open: oneshot::Sender<()>,
}

impl Feed {
    pub(super) const fn new(open: oneshot::Sender<()>) -> Self {
        Self { queues: Vec::new(), _open: open }
    }

    pub(super) fn add(&mut self, queue: Queue) {
        self.queues.push(queue);
    }

    /// The JSON of a report, which is created once and shared by all queues.
    fn json(&self, report: &Report) -> io::Result<Bytes> {
        let mut json = Vec::new();
        if self.queues.iter().any(|queue| queue.needs_json) {
            line(&mut json, report)?;
            // It may be kept for days.
            json.shrink_to_fit();
        }
        Ok(json.into())
    }

    /// The number of reports that each consumer did not get.
    pub(super) fn dropped(&self) -> Vec<Dropped> {
        self.queues.iter().map(Queue::dropped).collect()
    }
}

impl Sink for Feed {
    fn hears_decisions(&self) -> bool {
        self.queues.iter().any(|queue| queue.hears_decisions)
    }

    fn decided(&mut self, report: &Report) -> io::Result<()> {
        if self.hears_decisions() {
            let message = Message { is_open: true, facts: Arc::new(Facts::of(report)), json: Bytes::new() };
            let queues = self.queues.iter().filter(|queue| queue.hears_decisions);
            queues.for_each(|queue| queue.send(message.clone()));
        }
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        let message =
            Message { is_open: false, facts: Arc::new(Facts::of(report)), json: self.json(report)? };
        self.queues.iter().for_each(|queue| queue.send(message.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::{runtime::Builder, sync::oneshot};

    use super::{Complaints, Feed, queue};
    use crate::sink::{Sink as _, terminal::example};

    #[test]
    fn counts_lost_reports_and_not_lost_decisions() {
        let (open, _over) = oneshot::channel();
        let mut feed = Feed::new(open);
        let (queue, _inbox) = queue("slow", 1);
        feed.add(queue.with_decisions());
        for _ in 0..3 {
            feed.decided(&example::memcg_kill()).unwrap();
        }
        assert_eq!(feed.dropped()[0].count(), 0);
        feed.closed(&example::memcg_kill()).unwrap();
        assert_eq!(feed.dropped()[0].count(), 1);
    }

    #[test]
    fn full_queue_loses_only_its_own_messages_and_reports_the_number() {
        let (open, _over) = oneshot::channel();
        let mut feed = Feed::new(open);
        let (slow, mut inbox) = queue("slow", 2);
        let (quick, mut other) = queue("quick", 8);
        feed.add(slow);
        feed.add(quick);
        for _ in 0..5 {
            feed.closed(&example::memcg_kill()).unwrap();
        }
        let dropped: Vec<u64> = feed.dropped().iter().map(super::Dropped::count).collect();
        assert_eq!(dropped, [3, 0]);
        drop(feed);
        let said = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&said);
        let complaints =
            Complaints::new(Box::new(move |trouble| theirs.lock().unwrap().push(trouble.to_string())));
        let runtime = Builder::new_current_thread().build().unwrap();
        let mut got = [0, 0];
        while runtime.block_on(inbox.next(&complaints)).is_some() {
            got[0] += 1;
        }
        while runtime.block_on(other.next(&complaints)).is_some() {
            got[1] += 1;
        }
        assert_eq!(got, [2, 5]);
        assert_eq!(*said.lock().unwrap(), ["slow: too slow, 3 reports were dropped so far"]);
    }
}
