//! Cuts JSON into the elements that may be records, holding one at a time.
//!
//! It follows strings and brackets alone; whether an element is JSON at all is told by whoever parses it.

use std::io::{self, BufRead};

use super::entry::{Fault, Limits};

/// Cuts documents into elements.
pub(super) struct Splitter<R> {
    source: R,
    limits: Limits,
    inside: Inside,
    /// The element that is being read.
    element: Vec<u8>,
    octets: u64,
    ended: bool,
}

/// Where the next element is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Of nothing: elements follow each other.
    Nothing,
    /// An array at the top.
    Array,
    /// The array of a document, `{"Records": [`.
    List,
    /// A document, after such an array.
    Document,
}

/// What comes next.
pub(super) enum Piece<'a> {
    Element(&'a [u8]),
    Bad(Fault),
    End,
}

/// How the reading of one element went.
enum Read {
    Whole,
    /// It turned out to be a document whose list begins here.
    List,
    Bad(Fault),
}

/// The arrays of documents whose elements are records.
const LISTS: [&[u8]; 2] = [b"\"Records\"", b"\"Events\""];

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(source: R, limits: Limits) -> Self {
        Self {
            source,
            limits,
            inside: Inside::Nothing,
            element: Vec::new(),
            octets: 0,
            ended: false,
        }
    }

    /// What it reads, once nothing comes any more.
    pub(super) fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Whether what was reported last was the end of it.
    pub(super) fn has_failed(&self) -> bool {
        self.ended
    }

    pub(super) fn next(&mut self) -> Piece<'_> {
        if self.ended {
            return Piece::End;
        }
        loop {
            if let Err(fault) = self.check_length() {
                return self.fail(fault);
            }
            let octet = match self.after_space() {
                Ok(octet) => octet,
                Err(fault) => return self.fail(fault),
            };
            match (self.inside, octet) {
                (Inside::Nothing, None) => {
                    self.ended = true;
                    return Piece::End;
                }
                (_, None) => return self.fail(Fault::Truncated),
                (Inside::Nothing, Some(b'[')) => self.enter(Inside::Array),
                (Inside::Array, Some(b']')) | (Inside::Document, Some(b'}')) => self.enter(Inside::Nothing),
                (Inside::List, Some(b']')) => self.enter(Inside::Document),
                (Inside::Array | Inside::List | Inside::Document, Some(b',')) => self.take(1),
                (Inside::Nothing | Inside::Array | Inside::List, Some(b'{' | b'"')) => match self.read() {
                    Read::Whole => return Piece::Element(&self.element),
                    Read::List => self.inside = Inside::List,
                    Read::Bad(fault) => return self.bad(fault),
                },
                (Inside::Document, Some(b'"')) => match self.member() {
                    Read::Whole => {}
                    Read::List => self.inside = Inside::List,
                    Read::Bad(fault) => return self.fail(fault),
                },
                (_, Some(_)) => return self.bad(Fault::NoJson),
            }
        }
    }

    fn enter(&mut self, inside: Inside) {
        self.take(1);
        self.inside = inside;
    }

    /// Reports an element. Between elements that follow each other the next line is a new beginning; within a list it cannot be told
    /// where the next one begins, unless this one was read to its end.
    fn bad(&mut self, fault: Fault) -> Piece<'_> {
        match (&fault, self.inside) {
            (Fault::TooLong | Fault::TooDeep, _) => Piece::Bad(fault),
            (Fault::NoJson, Inside::Nothing) => match self.skip_line() {
                Ok(()) => Piece::Bad(fault),
                Err(fault) => self.fail(fault),
            },
            _ => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: Fault) -> Piece<'_> {
        self.ended = true;
        Piece::Bad(fault)
    }

    /// The next octet that is no white space, which stays unread.
    fn after_space(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let buffer = fill(&mut self.source)?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let space = buffer.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
            let next = buffer.get(space).copied();
            self.take(space);
            if next.is_some() {
                return Ok(next);
            }
            self.check_length()?;
        }
    }

    fn skip_line(&mut self) -> Result<(), Fault> {
        loop {
            let buffer = fill(&mut self.source)?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|&octet| octet == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.take(taken);
            if end.is_some() {
                return Ok(());
            }
            self.check_length()?;
        }
    }

    fn take(&mut self, octets: usize) {
        self.source.consume(octets);
        self.octets += octets as u64;
    }

    fn check_length(&self) -> Result<(), Fault> {
        if self.octets > self.limits.document {
            return Err(Fault::DocumentTooLong);
        }
        Ok(())
    }

    /// Reads the element that begins here, an object or a string.
    fn read(&mut self) -> Read {
        let seeks_list = self.inside == Inside::Nothing;
        self.follow(Follower::new(seeks_list))
    }

    /// Reads a member of a document: its name, and its value unless that is a list.
    fn member(&mut self) -> Read {
        self.follow(Follower::member())
    }

    fn follow(&mut self, mut follower: Follower) -> Read {
        self.element.clear();
        let mut fault = None;
        loop {
            let buffer = match fill(&mut self.source) {
                Ok(buffer) => buffer,
                Err(fault) => return Read::Bad(fault),
            };
            if buffer.is_empty() {
                return Read::Bad(Fault::Truncated);
            }
            let mut step = Step::On;
            let mut taken = 0;
            for &octet in buffer {
                step = follower.octet(octet);
                if matches!(step, Step::Before | Step::Broken) {
                    break;
                }
                taken += 1;
                if !matches!(step, Step::On) {
                    break;
                }
            }
            if self.element.len() + taken > self.limits.record {
                fault = Some(Fault::TooLong);
                self.element.clear();
            } else if fault.is_none() {
                self.element.extend_from_slice(&buffer[..taken]);
            }
            if follower.deepest > self.limits.depth {
                fault = fault.or(Some(Fault::TooDeep));
            }
            self.take(taken);
            if let Err(fault) = self.check_length() {
                return Read::Bad(fault);
            }
            match step {
                Step::On => {}
                Step::List => return Read::List,
                Step::End | Step::Before => return fault.map_or(Read::Whole, Read::Bad),
                Step::Broken => return Read::Bad(Fault::NoJson),
            }
        }
    }
}

fn fill<R: BufRead>(source: &mut R) -> Result<&[u8], Fault> {
    // Asked again first, for the borrow of what is returned.
    loop {
        match source.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io(error.to_string())),
        }
    }
    source.fill_buf().map_err(|error| Fault::Io(error.to_string()))
}

/// What an octet does to an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    On,
    /// It is the last one.
    End,
    /// The element ended before it.
    Before,
    /// A list begins after it.
    List,
    /// No JSON has it here.
    Broken,
}

/// Where an octet is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    /// In a string.
    Within,
    /// In a string, after a backslash.
    Escaped,
}

/// Follows strings and brackets.
struct Follower {
    depth: u32,
    deepest: u32,
    text: Text,
    /// At which depth a list is looked for.
    list_at: Option<u32>,
    /// The string that is being read at that depth, as far as it could be the name of a list.
    name: Name,
    /// A member of a document ends where its value does.
    member: bool,
    valued: bool,
}

/// How far the name of a list is read.
struct Name {
    text: [u8; 9],
    length: usize,
    /// After the name and its colon.
    colon: bool,
}

impl Follower {
    fn new(seeks_list: bool) -> Self {
        Self {
            depth: 0,
            deepest: 0,
            text: Text::Outside,
            list_at: seeks_list.then_some(1),
            name: Name {
                text: [0; 9],
                length: 0,
                colon: false,
            },
            member: false,
            valued: false,
        }
    }

    fn member() -> Self {
        Self {
            list_at: Some(0),
            member: true,
            ..Self::new(true)
        }
    }

    fn octet(&mut self, octet: u8) -> Step {
        if self.text != Text::Outside {
            return self.in_string(octet);
        }
        let here = self.list_at == Some(self.depth);
        match octet {
            b'"' => {
                self.text = Text::Within;
                self.name.length = 0;
                if here {
                    self.name.push(octet);
                }
                if here && self.name.colon {
                    self.valued = true;
                }
                self.name.colon = false;
                Step::On
            }
            b'[' if here && self.name.colon && self.name.is_list() => Step::List,
            b'{' | b'[' => {
                self.valued |= self.depth == 0;
                self.name.colon = false;
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
                Step::On
            }
            b'}' | b']' => {
                if self.depth == 0 {
                    return if self.member { Step::Before } else { Step::Broken };
                }
                self.depth -= 1;
                if self.depth == 0 { Step::End } else { Step::On }
            }
            b':' => {
                self.name.colon = here;
                Step::On
            }
            b',' if self.member && self.depth == 0 => Step::Before,
            b' ' | b'\t' | b'\r' | b'\n' => Step::On,
            _ => {
                self.name.colon = false;
                Step::On
            }
        }
    }

    fn in_string(&mut self, octet: u8) -> Step {
        if self.list_at == Some(self.depth) {
            self.name.push(octet);
        }
        if self.text == Text::Escaped {
            self.text = Text::Within;
            return Step::On;
        }
        match octet {
            b'\\' => self.text = Text::Escaped,
            b'"' => {
                self.text = Text::Outside;
                if self.depth == 0 && (!self.member || self.valued) {
                    return Step::End;
                }
            }
            // RFC 8259 section 7: control characters are escaped.
            0..=0x1f => return Step::Broken,
            _ => {}
        }
        Step::On
    }
}

impl Name {
    fn push(&mut self, octet: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = octet;
        }
        self.length = self.length.saturating_add(1);
    }

    fn is_list(&self) -> bool {
        let text = self.text.get(..self.length).unwrap_or_default();
        LISTS.contains(&text)
    }
}
