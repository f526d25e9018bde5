//! Regular expressions as Kafka's library RE2/J reads them, in the syntax of the one that matches
//! here. What looks alike to both may mean another thing: stacked repetitions, nested classes,
//! braces that hold no count.
//!
//! Source: RE2/J 1.8, which Kafka 4.1 compiles subscriptions with; its documented syntax and what
//! it takes and refuses.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Largest count of a repetition. Source: RE2/J, "implementation restriction" of its syntax.
const MAX_COUNT: u32 = 1000;

/// Classes by name, as in `[[:alpha:]]`.
const NAMED: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// An expression that matches the same ASCII texts, with no group that captures. `None` if RE2/J
/// refuses it, or if it names a class of Unicode.
pub(super) fn translate(pattern: &str) -> Option<String> {
    let mut reader = Reader {
        rest: pattern,
        out: String::new(),
        depth: 0,
        names: Vec::new(),
        before: Before::Nothing,
    };
    while let Some(c) = reader.take() {
        reader.item(c)?;
    }
    (reader.depth == 0).then_some(reader.out)
}

/// What a repetition would repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    /// Repetitions cannot be stacked.
    Repetition,
}

struct Reader<'a> {
    /// What is not read yet.
    rest: &'a str,
    out: String,
    /// Groups that are open.
    depth: usize,
    /// Names of groups, which are given once.
    names: Vec<&'a str>,
    before: Before,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let after = self.rest.strip_prefix(prefix);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// What begins with `c`.
    fn item(&mut self, c: char) -> Option<()> {
        match c {
            '\\' => return self.escape(),
            '[' => return self.class(),
            '(' => return self.open(),
            '{' => return self.brace(),
            '*' | '+' | '?' => return self.repeat(c.encode_utf8(&mut [0; 4])),
            '|' => {
                self.out.push('|');
                self.before = Before::Nothing;
            }
            ')' => {
                self.depth = self.depth.checked_sub(1)?;
                self.atom(")");
            }
            '^' | '$' | '.' => self.atom(c.encode_utf8(&mut [0; 4])),
            _ => self.literal(c),
        }
        Some(())
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.before = Before::Atom;
    }

    fn literal(&mut self, c: char) {
        self.push(c);
        self.before = Before::Atom;
    }

    /// A character that stands for itself. No name of a topic holds one outside ASCII: any byte
    /// outside it will do.
    fn push(&mut self, c: char) {
        if !c.is_ascii() {
            return self.out.push_str(r"\x80");
        }
        if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '_') {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    fn repeat(&mut self, operator: &str) -> Option<()> {
        if self.before != Before::Atom {
            return None;
        }
        self.out.push_str(operator);
        if self.skip("?") {
            self.out.push('?');
        }
        self.before = Before::Repetition;
        Some(())
    }

    /// A brace that begins no count stands for itself.
    fn brace(&mut self) -> Option<()> {
        let Some((count, rest)) = self.rest.split_once('}').filter(|(text, _)| is_count(text))
        else {
            self.literal('{');
            return Some(());
        };
        self.rest = rest;
        let (low, high) = count.split_once(',').unwrap_or((count, count));
        let low = bounded(low)?;
        if !high.is_empty() && bounded(high)? < low {
            return None;
        }
        self.repeat(&format!("{{{count}}}"))
    }

    fn escape(&mut self) -> Option<()> {
        match self.take()? {
            'Q' => {
                let (quoted, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                quoted.chars().for_each(|c| self.literal(c));
            }
            // In brackets, so that no brace behind it is taken as part of it.
            c if "AzbB".contains(c) => self.atom(&format!(r"(?:\{c})")),
            c if is_class(c) => self.atom(&format!(r"\{c}")),
            c => {
                let c = self.escaped(c)?;
                self.literal(c);
            }
        }
        Some(())
    }

    /// The character that `c` stands for behind a backslash. There are no references back.
    fn escaped(&mut self, c: char) -> Option<char> {
        match c {
            '0' => self.octal(c),
            '1'..='7' if self.rest.starts_with(is_octal) => self.octal(c),
            'x' => self.hexadecimal(),
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            _ => (!c.is_ascii_alphanumeric()).then_some(c),
        }
    }

    /// Three octal digits at most, of which `first` is one.
    fn octal(&mut self, first: char) -> Option<char> {
        let mut code = first.to_digit(8)?;
        for _ in 0..2 {
            if !self.rest.starts_with(is_octal) {
                break;
            }
            code = code * 8 + self.take()?.to_digit(8)?;
        }
        char::from_u32(code)
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.skip("{") {
            let (digits, rest) = self.rest.split_once('}')?;
            self.rest = rest;
            digits
        } else {
            let (digits, rest) = self.rest.split_at_checked(2)?;
            self.rest = rest;
            digits
        };
        let all = digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| all)?;
        char::from_u32(code)
    }

    /// A class of characters. Nothing nests in it, and no operators join classes.
    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        while is_first || !self.skip("]") {
            is_first = false;
            self.class_item()?;
        }
        self.atom("]");
        Some(())
    }

    fn class_item(&mut self) -> Option<()> {
        if let Some(named) = self.rest.strip_prefix("[:")
            && let Some((name, rest)) = named.split_once(":]")
        {
            if !NAMED.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return None;
            }
            self.out.push_str(&format!("[:{name}:]"));
            self.rest = rest;
            return Some(());
        }
        let mut next = self.rest.chars();
        if next.next() == Some('\\')
            && let Some(c) = next.next().filter(|&c| is_class(c))
        {
            self.out.push('\\');
            self.out.push(c);
            self.rest = next.as_str();
            return Some(());
        }
        let low = self.class_character()?;
        self.push(low);
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.skip("-");
            let high = self.class_character()?;
            if high < low {
                return None;
            }
            self.out.push('-');
            self.push(high);
        }
        Some(())
    }

    fn class_character(&mut self) -> Option<char> {
        match self.take()? {
            '\\' => {
                let c = self.take()?;
                self.escaped(c)
            }
            c => Some(c),
        }
    }

    fn open(&mut self) -> Option<()> {
        self.depth += 1;
        self.before = Before::Nothing;
        if self.skip("?") {
            if !self.skip("P<") && !self.skip("<") {
                return self.flags();
            }
            let (name, rest) = self.rest.split_once('>')?;
            let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if name.is_empty() || !name.bytes().all(is_word) || self.names.contains(&name) {
                return None;
            }
            self.names.push(name);
            self.rest = rest;
        }
        self.out.push_str("(?:");
        Some(())
    }

    /// Flags, of what follows in the group or of a group of their own. The last word on one counts.
    fn flags(&mut self) -> Option<()> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut is_off = false;
        loop {
            match self.take()? {
                c if "imsU".contains(c) => {
                    on.retain(|flag| flag != c);
                    off.retain(|flag| flag != c);
                    if is_off { &mut off } else { &mut on }.push(c);
                }
                '-' if !is_off => is_off = true,
                end @ (':' | ')') if !is_off || !off.is_empty() => {
                    let minus = if is_off { "-" } else { "" };
                    let is_nothing = end == ')' && on.is_empty() && off.is_empty();
                    if !is_nothing {
                        self.out.push_str(&format!("(?{on}{minus}{off}{end}"));
                    }
                    self.depth -= usize::from(end == ')');
                    return Some(());
                }
                _ => return None,
            }
        }
    }
}

/// Classes with a letter for a name.
fn is_class(c: char) -> bool {
    "dDwWsS".contains(c)
}

fn is_octal(c: char) -> bool {
    c.is_digit(8)
}

/// Whether it counts between braces: `n`, `n,` or `n,m`.
fn is_count(text: &str) -> bool {
    let (low, high) = text.split_once(',').unwrap_or((text, ""));
    is_number(low) && (high.is_empty() || is_number(high))
}

/// Digits, of which the first is zero only if it is the only one.
fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// A count, if it is not too large.
fn bounded(text: &str) -> Option<u32> {
    text.parse().ok().filter(|&count| count <= MAX_COUNT)
}
