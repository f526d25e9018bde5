//! As much JSON as the vectors need: objects, arrays, strings without escapes, integers, words.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Json {
    Object(BTreeMap<String, Self>),
    Array(Vec<Self>),
    Text(String),
    Number(i64),
    Word,
}

impl Json {
    pub(super) fn read(text: &str) -> Self {
        let (value, rest) = value(text.trim());
        assert!(rest.trim().is_empty(), "one value a line, but there is {rest}");
        value
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    pub(super) fn object(&self) -> &BTreeMap<String, Self> {
        let Self::Object(fields) = self else { panic!("not an object: {self:?}") };
        fields
    }

    pub(super) fn array(&self) -> &[Self] {
        let Self::Array(values) = self else { panic!("not an array: {self:?}") };
        values
    }

    pub(super) fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("not a string: {self:?}") };
        text
    }

    pub(super) fn number(&self) -> i64 {
        let Self::Number(number) = self else { panic!("not a number: {self:?}") };
        *number
    }
}

fn value(text: &str) -> (Json, &str) {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix('{') {
        let mut fields = BTreeMap::new();
        let rest = list(rest, '}', |text| {
            let (key, rest) = value(text);
            let rest = rest.trim_start().strip_prefix(':').expect("a colon");
            let (field, rest) = value(rest);
            fields.insert(key.text().to_string(), field);
            rest
        });
        return (Json::Object(fields), rest);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let mut values = Vec::new();
        let rest = list(rest, ']', |text| {
            let (item, rest) = value(text);
            values.push(item);
            rest
        });
        return (Json::Array(values), rest);
    }
    if let Some(rest) = text.strip_prefix('"') {
        let (inside, rest) = rest.split_once('"').expect("a closing quote");
        assert!(!inside.contains('\\'), "no escapes in the vectors");
        return (Json::Text(inside.to_string()), rest);
    }
    let end = text.find([',', '}', ']']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word.trim().parse().map_or(Json::Word, Json::Number), rest)
}

fn list<'a>(mut text: &'a str, close: char, mut item: impl FnMut(&'a str) -> &'a str) -> &'a str {
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix(close) {
            return rest;
        }
        text = item(text.strip_prefix(',').unwrap_or(text));
    }
}
