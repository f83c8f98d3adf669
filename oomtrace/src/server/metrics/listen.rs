//! A small HTTP server for scrapes.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderName},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::Metrics;
use crate::server::{Trouble, complaints::Complaints};

/// The maximum number of connections at the same time. More wait in the kernel's queue.
const CONNECTIONS: usize = 16;

/// The maximum time that a connection lasts. Prometheus then opens a new one, and an idle client frees its place.
const CONNECTION: Duration = Duration::from_secs(120);

/// The pause after a connection could not be accepted, for example because no descriptors were left.
const PAUSE: Duration = Duration::from_secs(1);

/// The format of the text.
/// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#overall-structure>
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A bound address that does not accept connections yet.
pub struct Listener(TcpListener);

impl Listener {
    /// Binds the address.
    ///
    /// # Errors
    ///
    /// If it is in use or does not belong to this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// The address, with the port that the kernel chose if port 0 was requested.
    ///
    /// # Errors
    ///
    /// If the kernel does not report it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Answers scrapes forever.
pub(in crate::server) async fn serve(listener: Listener, metrics: Arc<Metrics>, complaints: Arc<Complaints>) {
    let listener = match tokio::net::TcpListener::from_std(listener.0) {
        Ok(listener) => listener,
        Err(error) => return complaints.say(&Trouble::Accept { consumer: "--metrics", error }),
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let metrics = Arc::clone(&metrics);
                tokio::spawn(async move {
                    // If a client hangs, sends too much or disconnects, only its connection ends.
                    let _ = timeout(CONNECTION, answer(stream, metrics)).await;
                    drop(place);
                });
            }
            Err(error) => {
                complaints.say(&Trouble::Accept { consumer: "--metrics", error });
                sleep(PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, metrics: Arc<Metrics>) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let response = response(&request, &metrics);
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(hyper_util::rt::TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn response(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return status(StatusCode::METHOD_NOT_ALLOWED, ALLOW, "GET, HEAD", "");
    }
    match (request.uri().path(), metrics.text()) {
        ("/metrics", Ok(text)) => status(StatusCode::OK, CONTENT_TYPE, FORMAT, text),
        ("/metrics", Err(_)) => status(StatusCode::INTERNAL_SERVER_ERROR, CONTENT_TYPE, "text/plain", ""),
        ("/", _) => status(StatusCode::OK, CONTENT_TYPE, "text/plain", "oomtrace: see /metrics\n"),
        _ => status(StatusCode::NOT_FOUND, CONTENT_TYPE, "text/plain", "no such page: see /metrics\n"),
    }
}

fn status(
    code: StatusCode,
    header: HeaderName,
    value: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = code;
    response.headers_mut().insert(header, hyper::header::HeaderValue::from_static(value));
    response
}
