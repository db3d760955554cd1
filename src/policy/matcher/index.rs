//! Finds the most specific route: by host, then segment by segment, then by method and conditions.
//!
//! The order of the entries has no influence: everything is put in order when the index is built, and
//! two entries of equal rank that may match one request are refused.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::decision::RouteId;
use crate::policy::Captures;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::tri::Tri;
use crate::request::{Reading, Request, Segment};

use super::host::HostPattern;
use super::overlap;
use super::path::{PathPattern, Piece, Template};
use super::request::RequestMatch;

/// All matches of the routes of a set.
#[derive(Debug, Default)]
pub struct RouteIndex {
    entries: Vec<Entry>,
    exact: HashMap<Box<str>, Tree>,
    below: HashMap<Box<str>, Tree>,
    any: Tree,
    ignore_case: bool,
}

/// One match of one route.
#[derive(Debug)]
pub(super) struct Entry {
    pub route: RouteId,
    pub matched: RequestMatch,
    rank: Vec<Rank>,
}

/// What is meant by a request.
#[derive(Debug)]
pub struct Found<'a> {
    /// The most specific route whose conditions surely hold.
    pub route: RouteId,
    /// What its path captures.
    pub captures: Captures<'a>,
    /// More specific routes whose conditions hold for one of several values, or under another spelling of a name:
    /// who reads the request so takes them for meant.
    pub rivals: Vec<(RouteId, Captures<'a>)>,
}

/// Rank of one segment; smaller is more specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Rank {
    Literal,
    /// More literal text first.
    Mixed(Reverse<usize>),
    Capture,
    End,
    Rest,
}

/// The matches for one host, as indices into the entries.
#[derive(Debug, Default)]
struct Tree {
    root: Node,
    regexes: Vec<usize>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    /// More literal text first; of equal length both are looked at.
    mixed: Vec<(Piece, Node)>,
    capture: Option<Box<Node>>,
    ends: Vec<usize>,
    rests: Vec<usize>,
}

impl RouteIndex {
    /// Builds the index, and reports what no order could settle.
    pub fn build(matches: Vec<(u32, RequestMatch)>, reading: &Reading, problems: &mut Diagnostics) -> Self {
        let entries: Vec<Entry> = matches
            .into_iter()
            .map(|(route, matched)| Entry { route: RouteId(route), rank: rank(&matched), matched })
            .collect();
        overlap::report(&entries, reading.case_insensitive, problems);
        let mut order: Vec<usize> = (0..entries.len()).collect();
        // Between entries of one path: named methods before any, more conditions first, `HEAD` named first.
        order.sort_by_key(|index| entries.get(*index).map(precedence));
        let mut built = Self { ignore_case: reading.case_insensitive, ..Self::default() };
        for index in order {
            let Some(entry) = entries.get(index) else { continue };
            let tree = match &entry.matched.host {
                HostPattern::Any => &mut built.any,
                HostPattern::Exact(host) => built.exact.entry(host.clone()).or_default(),
                HostPattern::Below(suffix) => built.below.entry(suffix.clone()).or_default(),
            };
            match &entry.matched.path {
                PathPattern::Regex(_) => tree.regexes.push(index),
                PathPattern::Template(template) => {
                    tree.root.insert(template, index, reading.case_insensitive);
                }
            }
        }
        built.entries = entries;
        built
    }

    /// Every match of every route, in the order of the routes.
    pub fn matches(&self) -> impl Iterator<Item = (RouteId, &RequestMatch)> {
        self.entries.iter().map(|entry| (entry.route, &entry.matched))
    }

    /// The most specific route that matches, and those that may be meant instead of it.
    #[must_use]
    pub fn find<'a>(&'a self, request: &'a Request<'_>) -> Option<Found<'a>> {
        let (winner, rivals) = self.entries_for(request);
        let winner = winner?;
        let captures = |entry: &'a Entry| entry.matched.capture(request);
        let rivals = rivals.into_iter().map(|rival| (rival.route, captures(rival))).collect();
        Some(Found { route: winner.route, captures: captures(winner), rivals })
    }

    /// The matches that may be meant instead of the one that wins, and that one last.
    pub(crate) fn matches_for<'s>(
        &'s self,
        request: &Request<'_>,
    ) -> Option<Vec<(RouteId, &'s RequestMatch)>> {
        self.entries_for(request).0?;
        Some(self.meant_by(request).collect())
    }

    /// The same, and what may be meant where none wins.
    pub(crate) fn meant_by<'s>(
        &'s self,
        request: &Request<'_>,
    ) -> impl Iterator<Item = (RouteId, &'s RequestMatch)> + use<'s> {
        let (winner, rivals) = self.entries_for(request);
        rivals.into_iter().chain(winner).map(|entry| (entry.route, &entry.matched))
    }

    /// The match that wins, if one does, and those that may be meant instead.
    fn entries_for(&self, request: &Request<'_>) -> (Option<&Entry>, Vec<&Entry>) {
        let mut rivals = Vec::new();
        for tree in self.trees(&request.host) {
            let mut undecided = Vec::new();
            let winner = self.find_in(tree, request, &mut undecided);
            if !undecided.is_empty() {
                // Of paths with equally much literal text more were looked at than come before the winner.
                undecided.retain(|entry| winner.is_none_or(|winner| full_rank(entry) <= full_rank(winner)));
                undecided.sort_by_key(|entry| (full_rank(entry), entry.route));
                rivals.append(&mut undecided);
            }
            if let Some(winner) = winner {
                // Another match of its route asks the same, unless it captures something else.
                rivals.retain(|entry: &&Entry| {
                    entry.route != winner.route
                        || entry.matched.capture(request) != winner.matched.capture(request)
                });
                return (Some(winner), rivals);
            }
        }
        (None, rivals)
    }

    /// Matches that take every request which this one takes.
    pub(in crate::policy) fn wider<'s>(
        &'s self,
        matched: &'s RequestMatch,
    ) -> impl Iterator<Item = (RouteId, &'s RequestMatch)> {
        let mut found = Vec::new();
        for tree in self.trees_over(&matched.host) {
            match &matched.path {
                PathPattern::Template(template) => {
                    tree.root.over(&template.segments, template.rest.is_some(), self.ignore_case, &mut found);
                }
                PathPattern::Regex(_) => tree.root.all_rests(&mut found),
            }
        }
        let entries = found.into_iter().filter_map(|index| self.entries.get(index));
        entries.map(|entry| (entry.route, &entry.matched)).filter(|(_, other)| other.covers(matched))
    }

    /// The trees of hosts that take in this one.
    fn trees_over<'s>(&'s self, host: &'s HostPattern) -> impl Iterator<Item = &'s Tree> {
        let (exact, name) = match host {
            HostPattern::Any => (None, ""),
            HostPattern::Exact(name) => (self.exact.get(name), &**name),
            HostPattern::Below(suffix) => (None, &**suffix),
        };
        let suffixes = name.match_indices('.').filter_map(move |(dot, _)| name.get(dot..));
        let below = suffixes.filter_map(|suffix| self.below.get(suffix));
        exact.into_iter().chain(below).chain(std::iter::once(&self.any))
    }

    /// The trees that may speak of a host: exact, longer wildcards, shorter ones, any.
    fn trees<'s, 'h>(&'s self, host: &'h str) -> impl Iterator<Item = &'s Tree> + use<'s, 'h> {
        let suffixes =
            host.match_indices('.').filter_map(move |(dot, _)| host.get(dot..).filter(|_| dot > 0));
        let below = suffixes.filter_map(|suffix| self.below.get(suffix));
        self.exact.get(host).into_iter().chain(below).chain(std::iter::once(&self.any))
    }

    fn find_in<'s>(
        &'s self,
        tree: &'s Tree,
        request: &Request<'_>,
        undecided: &mut Vec<&'s Entry>,
    ) -> Option<&'s Entry> {
        let found = tree.root.find(self, request.path.segments(), request, undecided);
        if found.is_some() || tree.regexes.is_empty() {
            return found;
        }
        // No route by regular expression takes a path with an escaped slash, and each may be meant.
        if request.path.holds_encoded_slash() {
            let entries = tree.regexes.iter().filter_map(|index| self.entries.get(*index));
            undecided
                .extend(entries.filter(|entry| entry.matched.admits(request, &Captures::new()) != Tri::No));
            return None;
        }
        let path = request.path.joined();
        self.first(&tree.regexes, request, undecided, |entry| match &entry.matched.path {
            PathPattern::Regex(pattern) => pattern.is_match(&path),
            PathPattern::Template(_) => false,
        })
    }

    /// The first of some entries, in their order, whose method and conditions hold; those of which it cannot be
    /// told are put aside, also of what is as specific as the first.
    fn first<'s>(
        &'s self,
        indices: &[usize],
        request: &Request<'_>,
        undecided: &mut Vec<&'s Entry>,
        path_matches: impl Fn(&Entry) -> bool,
    ) -> Option<&'s Entry> {
        let mut found: Option<&Entry> = None;
        for entry in indices.iter().filter_map(|index| self.entries.get(*index)) {
            if found.is_some_and(|found| precedence(found) < precedence(entry)) {
                break;
            }
            if !path_matches(entry) {
                continue;
            }
            let captures =
                if entry.matched.conditions() > 0 { entry.matched.capture(request) } else { Captures::new() };
            match entry.matched.admits(request, &captures) {
                Tri::Yes => found = found.or(Some(entry)),
                Tri::Unknown => undecided.push(entry),
                Tri::No => {}
            }
        }
        found
    }
}

impl Node {
    fn insert(&mut self, template: &Template, index: usize, ignore_case: bool) {
        let mut node = self;
        for piece in &template.segments {
            node = match piece {
                Piece::Literal(text) => node.literals.entry(fold(text, ignore_case)).or_default(),
                Piece::Capture(_) | Piece::Any => node.capture.get_or_insert_default(),
                Piece::Mixed(..) => node.mixed_child(piece, ignore_case),
            };
        }
        let leaves = if template.rest.is_some() { &mut node.rests } else { &mut node.ends };
        leaves.push(index);
    }

    fn mixed_child(&mut self, piece: &Piece, ignore_case: bool) -> &mut Node {
        let key = |piece: &Piece| match piece {
            Piece::Mixed(prefix, _, suffix) => Some((fold(prefix, ignore_case), fold(suffix, ignore_case))),
            Piece::Literal(_) | Piece::Capture(_) | Piece::Any => None,
        };
        let wanted = key(piece);
        let position = self.mixed.iter().position(|(known, _)| key(known) == wanted);
        let position = position.unwrap_or_else(|| {
            let before =
                self.mixed.partition_point(|(known, _)| literal_length(known) >= literal_length(piece));
            self.mixed.insert(before, (piece.clone(), Node::default()));
            before
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found or filled just above")]
        &mut self.mixed[position].1
    }

    /// The most specific entry below this node: literal, literal text with a capture, capture, end, `**`.
    fn find<'s>(
        &'s self,
        index: &'s RouteIndex,
        path: &[Segment<'_>],
        request: &Request<'_>,
        undecided: &mut Vec<&'s Entry>,
    ) -> Option<&'s Entry> {
        let Some((segment, rest)) = path.split_first() else {
            let end = index.first(&self.ends, request, undecided, |_| true);
            return end.or_else(|| index.first(&self.rests, request, undecided, |_| true));
        };
        let literal = if index.ignore_case {
            self.literals.get(segment.to_ascii_lowercase().as_str())
        } else {
            self.literals.get(&**segment)
        };
        literal
            .and_then(|node| node.find(index, rest, request, undecided))
            .or_else(|| self.find_mixed(index, segment, rest, request, undecided))
            .or_else(|| self.capture.as_ref().and_then(|node| node.find(index, rest, request, undecided)))
            .or_else(|| index.first(&self.rests, request, undecided, |_| true))
    }

    /// Entries whose path takes in every path of a template, and perhaps others.
    fn over(&self, pieces: &[Piece], has_rest: bool, ignore_case: bool, found: &mut Vec<usize>) {
        found.extend(&self.rests);
        let Some((piece, rest)) = pieces.split_first() else {
            if !has_rest {
                found.extend(&self.ends);
            }
            return;
        };
        if let Piece::Literal(text) = piece
            && let Some(node) = self.literals.get(&fold(text, ignore_case))
        {
            node.over(rest, has_rest, ignore_case, found);
        }
        for (_, node) in self.mixed.iter().filter(|(known, _)| known.covers(piece, ignore_case)) {
            node.over(rest, has_rest, ignore_case, found);
        }
        if let Some(node) = &self.capture {
            node.over(rest, has_rest, ignore_case, found);
        }
    }

    fn all_rests(&self, found: &mut Vec<usize>) {
        found.extend(&self.rests);
        let below = self.literals.values().chain(self.mixed.iter().map(|(_, node)| node));
        for node in below.chain(self.capture.as_deref()) {
            node.all_rests(found);
        }
    }

    /// Of children with equally much literal text all are looked at: what follows them decides.
    fn find_mixed<'s>(
        &'s self,
        index: &'s RouteIndex,
        segment: &str,
        rest: &[Segment<'_>],
        request: &Request<'_>,
        undecided: &mut Vec<&'s Entry>,
    ) -> Option<&'s Entry> {
        let mut best: Option<(usize, &Entry)> = None;
        for (piece, node) in &self.mixed {
            let length = literal_length(piece);
            if best.as_ref().is_some_and(|(known, _)| length < *known) {
                break;
            }
            if !piece.matches(segment, index.ignore_case) {
                continue;
            }
            if let Some(entry) = node.find(index, rest, request, undecided)
                && best.as_ref().is_none_or(|(_, known)| full_rank(entry) < full_rank(known))
            {
                best = Some((length, entry));
            }
        }
        best.map(|(_, entry)| entry)
    }
}

fn fold(text: &str, ignore_case: bool) -> Box<str> {
    if ignore_case { text.to_ascii_lowercase().into() } else { text.into() }
}

fn literal_length(piece: &Piece) -> usize {
    match piece {
        Piece::Literal(text) => text.len(),
        Piece::Mixed(prefix, _, suffix) => prefix.len() + suffix.len(),
        Piece::Capture(_) | Piece::Any => 0,
    }
}

/// Rank of a path, segment by segment.
fn rank(matched: &RequestMatch) -> Vec<Rank> {
    let PathPattern::Template(template) = &matched.path else { return Vec::new() };
    let of_piece = |piece: &Piece| match piece {
        Piece::Literal(_) => Rank::Literal,
        Piece::Mixed(..) => Rank::Mixed(Reverse(literal_length(piece))),
        Piece::Capture(_) | Piece::Any => Rank::Capture,
    };
    let end = if template.rest.is_some() { Rank::Rest } else { Rank::End };
    template.segments.iter().map(of_piece).chain(std::iter::once(end)).collect()
}

impl Entry {
    pub(super) fn rank(&self) -> &[Rank] {
        &self.rank
    }
}

/// Named methods before any, more conditions first, `HEAD` named first.
type Precedence = (bool, Reverse<usize>, bool);

fn precedence(entry: &Entry) -> Precedence {
    (entry.matched.methods.is_none(), Reverse(entry.matched.conditions()), !entry.matched.names_head())
}

/// Of entries for one host; expressions come last.
fn full_rank(entry: &Entry) -> (bool, &[Rank], Precedence) {
    (matches!(entry.matched.path, PathPattern::Regex(_)), &entry.rank, precedence(entry))
}
