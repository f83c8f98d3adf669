//! One connection: calls that end with a NUL, and their replies.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixStream, unix::OwnedReadHalf},
    sync::oneshot::Receiver,
    time::timeout,
};

use super::varlink::{self, Answer};
use crate::kernel::clock;

/// Maximum length of a call in bytes: the longest path, each byte of it escaped, and the rest of the call.
const LONGEST_CALL: u64 = 32 << 10;

/// Maximum number of calls of one connection. systemd-oomd makes one.
const CALLS: usize = 16;

/// Maximum time of a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Maximum time for which a reply waits until the cgroup has been read, usually less than a millisecond. systemd-oomd kills as soon as it
/// has the reply, and on a busy machine the processes are then gone first.
const READING: Duration = Duration::from_millis(100);

/// Answers the calls of a connection. `hear` gets each announced cgroup, with the time at which the call arrived. It returns a receiver that
/// completes when the cgroup has been read.
pub(super) async fn converse(
    stream: UnixStream,
    mut hear: impl FnMut(u64, &str) -> Receiver<()>,
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let calls = async {
        for _ in 0..CALLS {
            let Some(call) = next(&mut read).await? else { break };
            let arrived_ns = clock::boot_ns();
            let Answer { reply, cgroup } = varlink::answer(&call)?;
            if let Some(cgroup) = cgroup {
                // The reply is the same if the cgroup could not be read.
                let _ = timeout(READING, hear(arrived_ns, &cgroup)).await;
            }
            if let Some(reply) = reply {
                write.write_all(&reply).await?;
            }
        }
        Ok(())
    };
    timeout(PATIENCE, calls).await?
}

/// The next call without its NUL; `None` at the end of the connection.
///
/// # Errors
///
/// If the call is cut off or too long.
async fn next(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Vec<u8>>> {
    let mut call = Vec::new();
    read.take(LONGEST_CALL).read_until(0, &mut call).await?;
    match call.pop() {
        None => Ok(None),
        Some(0) => Ok(Some(call)),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
        runtime::Builder,
        sync::oneshot,
    };

    use super::{READING, converse};

    const CALL: &[u8] =
        b"{\"method\":\"io.systemd.oom.Prekill.Notify\",\"parameters\":{\"cgroup\":\"/a\"}}\0";

    #[test]
    fn a_reply_waits_for_the_reading_but_not_for_long() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut client, stream) = UnixStream::pair().unwrap();
            // This reading never ends.
            let (_unread, reading) = oneshot::channel();
            let mut reading = Some(reading);
            let server = tokio::spawn(converse(stream, move |_, _| reading.take().unwrap()));
            let start = Instant::now();
            client.write_all(CALL).await.unwrap();
            let mut reply = [0; 18];
            client.read_exact(&mut reply).await.unwrap();
            assert_eq!(reply, *b"{\"parameters\":{}}\0");
            assert!(start.elapsed() >= READING);
            drop(client);
            server.await.unwrap().unwrap();
        });
    }
}
