//! What a guest sends through its second port: documents with their length before each.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// The documents of a guest.
pub(crate) struct Stream<T> {
    /// Those that came whole.
    pub(crate) documents: Vec<T>,
    /// Whether the guest said that these are all.
    pub(crate) complete: bool,
}

/// Take apart what came. A document cut short is left out, and the stream is then not complete.
pub(crate) fn parse<T: DeserializeOwned>(output: &[u8]) -> Result<Stream<T>> {
    let mut stream = Stream { documents: Vec::new(), complete: false };
    let mut rest = output;
    while let Some((document, after)) = next(rest)? {
        if document.is_empty() {
            stream.complete = true;
            break;
        }
        stream.documents.push(serde_json::from_slice(document).context("reading what the guest sent")?);
        rest = after;
    }
    Ok(stream)
}

/// The first document and what comes after it; none if it is not there whole.
fn next(rest: &[u8]) -> Result<Option<(&[u8], &[u8])>> {
    let Some(newline) = rest.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let (length, rest) = rest.split_at(newline);
    let length = std::str::from_utf8(length).ok().and_then(|length| length.trim().parse::<usize>().ok());
    let length = length.context("the guest sent something that is no length")?;
    let rest = rest.get(1..).unwrap_or_default();
    Ok(rest.get(..length).map(|document| (document, rest.get(length + 1..).unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn whole() {
        let stream = parse::<u32>(b"2\n42\n1\n7\n0\n").unwrap();
        assert_eq!((stream.documents, stream.complete), (vec![42, 7], true));
    }

    #[test]
    fn cut_anywhere() {
        for cut in 0..11 {
            let stream = parse::<u32>(&b"2\n42\n1\n7\n0\n"[..cut]).unwrap();
            assert!(!stream.complete && stream.documents.len() <= 2, "{cut}");
        }
    }

    #[test]
    fn noise_is_an_error() {
        assert!(parse::<u32>(b"oops\n").is_err());
    }
}
