//! A page in the browser.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::pipe::Pipe;

/// The reader's preferred color scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// Its name in CSS.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A browser, whose files are removed when it is dropped.
pub(crate) struct Browser {
    pipe: Pipe,
    /// The open page.
    target: Option<String>,
    _profile: TempDir,
}

/// An opened page.
pub(crate) struct Page<'a> {
    pipe: &'a mut Pipe,
    session: String,
}

impl Browser {
    /// Starts a browser.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let profile = TempDir::new().context("creating a directory for the browser")?;
        Ok(Self { pipe: Pipe::start(program, profile.path())?, target: None, _profile: profile })
    }

    /// The browser's name and version.
    pub(crate) fn version(&mut self) -> Result<String> {
        let version = self.pipe.ask(None, "Browser.getVersion", &json!({}))?;
        Ok(text(&version, "product")?.to_owned())
    }

    /// Opens a file as a reader with this preference sees it, `width` CSS pixels wide, with scripts disabled.
    pub(crate) fn open(&mut self, file: &Path, scheme: Scheme, width: u32) -> Result<Page<'_>> {
        if let Some(before) = self.target.take() {
            self.pipe.ask(None, "Target.closeTarget", &json!({ "targetId": before }))?;
        }
        let target = self.pipe.ask(None, "Target.createTarget", &json!({ "url": "about:blank" }))?;
        let target = text(&target, "targetId")?.to_owned();
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = self.pipe.ask(None, "Target.attachToTarget", &attach)?;
        let session = text(&attached, "sessionId")?.to_owned();
        self.target = Some(target);
        self.pipe.events.clear();
        let mut page = Page { pipe: &mut self.pipe, session };
        page.ask("Page.enable", &json!({}))?;
        page.ask("Network.enable", &json!({}))?;
        page.ask("Log.enable", &json!({}))?;
        page.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }))?;
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        page.ask("Emulation.setDeviceMetricsOverride", &size)?;
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme.name() }]);
        page.ask("Emulation.setEmulatedMedia", &json!({ "features": feature }))?;
        let url = format!("file://{}", file.display());
        page.ask("Page.navigate", &json!({ "url": url }))?;
        page.pipe.wait_for_event("Page.loadEventFired")?;
        Ok(page)
    }
}

impl Page<'_> {
    fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.pipe.ask(Some(&self.session), method, parameters)
    }

    /// Evaluates an expression of the debugger, not of the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", &parameters)?;
        ensure!(answer.get("exceptionDetails").is_none(), "{expression} failed: {answer}");
        Ok(answer.pointer("/result/value").cloned().unwrap_or(Value::Null))
    }

    /// The rendered text of the first element that matches the selector.
    pub(crate) fn text_of(&mut self, selector: &str) -> Result<String> {
        let selector = Value::from(selector);
        let text = self.evaluate(&format!("document.querySelector({selector})?.innerText"))?;
        Ok(text.as_str().with_context(|| format!("the page has no {selector}"))?.to_owned())
    }

    /// The rendered text of every element that matches the selector.
    pub(crate) fn texts_of(&mut self, selector: &str) -> Result<Vec<String>> {
        let list = format!(
            "[...document.querySelectorAll({})].map(found => found.innerText)",
            Value::from(selector)
        );
        let texts = self.evaluate(&list)?;
        let texts = texts.as_array().context("no list")?;
        Ok(texts.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The addresses of all requests since the page was opened, including the page itself.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent =
            |event: &&Value| event.get("method").is_some_and(|name| name == "Network.requestWillBeSent");
        let url = |event: &Value| event.pointer("/params/request/url")?.as_str().map(str::to_owned);
        self.pipe.events.iter().filter(sent).filter_map(url).collect()
    }

    /// The browser's errors, such as a violation of the page's own policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entry = |event: &Value| event.pointer("/params/entry/text")?.as_str().map(str::to_owned);
        self.pipe.events.iter().filter_map(entry).collect()
    }

    /// Takes a PNG picture of the page: all of it, or its first `height` CSS pixels.
    pub(crate) fn picture(&mut self, width: u32, height: Option<u32>) -> Result<Vec<u8>> {
        let mut parameters = json!({ "format": "png", "captureBeyondViewport": true });
        if let (Some(height), Some(fields)) = (height, parameters.as_object_mut()) {
            let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
            fields.insert("clip".to_owned(), clip);
        }
        let picture = self.ask("Page.captureScreenshot", &parameters)?;
        STANDARD.decode(text(&picture, "data")?).context("decoding the picture")
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("the browser's answer has no {key}"))
}
