//! Parses a guest's output on its second port: documents, each preceded by its length.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// The documents of a guest.
pub(crate) struct Stream<T> {
    /// The complete documents.
    pub(crate) documents: Vec<T>,
    /// Whether the guest sent the end mark.
    pub(crate) complete: bool,
}

/// Parse the output. A document that is cut short is dropped, and the stream is then incomplete.
pub(crate) fn parse<T: DeserializeOwned>(output: &[u8]) -> Result<Stream<T>> {
    let mut stream = Stream { documents: Vec::new(), complete: false };
    let mut rest = output;
    while let Some((document, after)) = next(rest)? {
        if document.is_empty() {
            stream.complete = true;
            break;
        }
        stream.documents.push(serde_json::from_slice(document).context("parsing a document of the guest")?);
        rest = after;
    }
    Ok(stream)
}

/// The first document and the rest. `None` if it is incomplete.
fn next(rest: &[u8]) -> Result<Option<(&[u8], &[u8])>> {
    let Some(newline) = rest.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let (length, rest) = rest.split_at(newline);
    let length = std::str::from_utf8(length).ok().and_then(|length| length.trim().parse::<usize>().ok());
    let length = length.context("the guest sent an invalid length")?;
    let rest = rest.get(1..).unwrap_or_default();
    Ok(rest.get(..length).map(|document| (document, rest.get(length + 1..).unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_a_complete_stream() {
        let stream = parse::<u32>(b"2\n42\n1\n7\n0\n").unwrap();
        assert_eq!((stream.documents, stream.complete), (vec![42, 7], true));
    }

    #[test]
    fn reads_a_stream_that_is_cut_anywhere() {
        for cut in 0..11 {
            let stream = parse::<u32>(&b"2\n42\n1\n7\n0\n"[..cut]).unwrap();
            assert!(!stream.complete && stream.documents.len() <= 2, "{cut}");
        }
    }

    #[test]
    fn rejects_noise() {
        assert!(parse::<u32>(b"oops\n").is_err());
    }
}
