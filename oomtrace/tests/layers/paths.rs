//! Finds the paths in a file from its tokens. Comments, string literals and documentation contain no paths.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The module declarations and paths in a file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) paths: Vec<Named>,
    /// Modules in their own files (`mod name;`), by path.
    pub(crate) children: Vec<Vec<String>>,
}

/// A path from the root of the crate.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    /// For a `use` item: the module in which it defines a name, and that name.
    pub(crate) gives: Option<(Vec<String>, String)>,
    pub(crate) line: usize,
}

/// Reads the tokens of a module.
pub(crate) fn read(tokens: TokenStream, module: &[String], found: &mut Found) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut in_use = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' && is_cfg_test(tokens.get(at)) => {
                at = after_item(&tokens, at + 1);
            }
            TokenTree::Punct(punct) => in_use &= punct.as_char() != ';',
            TokenTree::Ident(word) if word == "use" => in_use = true,
            TokenTree::Ident(word) if word == "mod" => at = declared(&tokens, at, module, found),
            TokenTree::Ident(word) if is_root(&word.to_string()) && is_separator(&tokens, at) => {
                let mut whole = Vec::new();
                at = path(&tokens, at - 1, &[], &mut whole);
                for (words, alias, line) in whole {
                    let gives = in_use.then(|| alias.or_else(|| words.last().cloned())).flatten();
                    let gives = gives.map(|name| (module.to_vec(), name));
                    found.paths.push(Named { path: from_root(&words, module), gives, line });
                }
            }
            TokenTree::Group(group) if is_visibility(group.stream()) => {}
            TokenTree::Group(group) => read_group(group.stream(), module, in_use, found),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Reads the tokens inside brackets. A `use {crate::a, crate::b};` continues there.
fn read_group(tokens: TokenStream, module: &[String], in_use: bool, found: &mut Found) {
    let before = found.paths.len();
    read(tokens, module, found);
    for named in found.paths.iter_mut().skip(before).filter(|named| in_use && named.gives.is_none()) {
        named.gives = named.path.last().cloned().map(|name| (module.to_vec(), name));
    }
}

/// Reads `mod name;` or `mod name { … }`.
fn declared(tokens: &[TokenTree], at: usize, module: &[String], found: &mut Found) -> usize {
    let (Some(TokenTree::Ident(name)), body) = (tokens.get(at), tokens.get(at + 1)) else { return at };
    let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
    match body {
        Some(TokenTree::Group(body)) => read(body.stream(), &inner, found),
        _ => found.children.push(inner),
    }
    at + 2
}

type Whole = (Vec<String>, Option<String>, usize);

/// Reads a path or a tree of paths that begins at a word. Returns the position after it.
fn path(tokens: &[TokenTree], mut at: usize, before: &[String], whole: &mut Vec<Whole>) -> usize {
    let mut words = before.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.span().start().line);
    loop {
        match tokens.get(at) {
            // `a::{self}` is `a`.
            Some(TokenTree::Ident(word)) if word == "self" && !words.is_empty() => {}
            Some(TokenTree::Ident(word)) => words.push(word.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma =
                    |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
                for part in inside.split(is_comma).filter(|part| !part.is_empty()) {
                    path(part, 0, &words, whole);
                }
                return at + 1;
            }
            // `a::*`, or `a::<T>` in code.
            _ => break,
        }
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    let alias = match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(alias))) if word == "as" => {
            Some(alias.to_string())
        }
        _ => None,
    };
    whole.push((words, alias, line));
    at
}

/// Converts a path to the same path from the root of the crate.
fn from_root(words: &[String], module: &[String]) -> Vec<String> {
    let mut path = match words.first().map(String::as_str) {
        Some("self" | "super") => module.to_vec(),
        _ => Vec::new(),
    };
    for word in words {
        match word.as_str() {
            "crate" | "oomtrace" | "self" => {}
            "super" => drop(path.pop()),
            _ => path.push(word.clone()),
        }
    }
    path
}

fn is_root(word: &str) -> bool {
    ["crate", "super", "self", "oomtrace"].contains(&word)
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

fn is_cfg_test(attribute: Option<&TokenTree>) -> bool {
    attribute.is_some_and(|attribute| attribute.to_string().replace(' ', "") == "[cfg(test)]")
}

/// Whether the group is `(in crate::a)` of a visibility. It restricts access and imports nothing.
fn is_visibility(group: TokenStream) -> bool {
    matches!(group.into_iter().next(), Some(TokenTree::Ident(word)) if word == "in")
}

/// The position after an item: after its `;`, or after its body unless the item is of a kind that may have a body before the
/// `;`.
fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    let mut ends_with_body = true;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Group(group) if ends_with_body && group.delimiter() == Delimiter::Brace => break,
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "use" | "static" | "const" | "let" => ends_with_body = false,
                "fn" | "mod" | "impl" => ends_with_body = true,
                _ => {}
            },
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    at
}
