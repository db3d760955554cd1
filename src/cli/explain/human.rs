//! An explanation as a person reads it, in the order that the engine took.

use crate::cli::page::Page;
use crate::cli::terminal::{Style, Terminal};
use crate::explain::{AnswerNote, DecisionNote, Explanation, RuleNote, Step};

/// Writes everything, the decision first.
pub fn write(explanation: &Explanation, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    page.decision(&explanation.decision);
    if explanation.token.signature_assumed && explanation.decision.outcome == "allow" {
        page.line(2, "the signature of its token was not checked");
    }
    page.request(explanation);
    page.forbids(explanation);
    page.routes(explanation);
    page.token(explanation);
    page.asked(explanation);
    page.shadows(explanation);
    page.answer(&explanation.answer);
    page.finish()
}

impl Page<'_> {
    fn decision(&mut self, decision: &DecisionNote) {
        let style = if decision.outcome == "allow" { Style::Good } else { Style::Bad };
        let outcome = self.paint(style, &decision.outcome);
        self.line(0, &format!("{outcome} ({}): {}", decision.reason, decision.because));
        if let Some(rule) = &decision.rule {
            self.line(2, &format!("by {} {}", rule.kind, self.place(rule)));
        }
        if !decision.missing.is_empty() {
            self.line(2, &format!("missing: {}", decision.missing.join(", ")));
        }
        if let Some(next) = &decision.next {
            self.line(2, &format!("next: {next}"));
        }
    }

    fn place(&self, rule: &RuleNote) -> String {
        format!("{} {}", rule.name, self.faint(&format!("({}:{})", rule.file, rule.line)))
    }

    fn request(&mut self, explanation: &Explanation) {
        let request = &explanation.request;
        self.heading("Request");
        self.line(2, &format!("{} {} of host {}", request.method, request.target, request.host));
        if let Some(refused) = &request.refused {
            self.line(2, &format!("refused before any rule: {refused}"));
        }
        if let Some(read) = &request.read {
            self.line(2, &format!("read as: host {}, path /{}", read.host, read.segments.join("/")));
            for (name, value) in &read.query {
                self.line(2, &format!("query: {name} = {value}"));
            }
            if let Some(address) = &read.client_address {
                self.line(2, &format!("client address: {address}"));
            }
        }
    }

    fn forbids(&mut self, explanation: &Explanation) {
        if explanation.forbid.is_empty() {
            return;
        }
        self.heading("Forbid rules");
        for note in &explanation.forbid {
            let says = match (note.matches, note.holds) {
                (false, _) => format!("does not match: {}", note.why_not.as_deref().unwrap_or("not reached")),
                (true, Some(true)) => format!("forbids: {}", note.reason.as_deref().unwrap_or("forbidden")),
                (true, Some(false)) => "matches, and is lifted".to_owned(),
                (true, None) => "matches; not judged".to_owned(),
            };
            let shadow = if note.shadow { " (shadow)" } else { "" };
            self.line(2, &format!("{}{shadow}: {says}", self.place(&note.rule)));
            if let Some(unless) = note.unless.as_ref().filter(|_| note.matches) {
                self.line(4, &format!("unless {unless}"));
            }
            self.steps(6, &note.checks);
        }
    }

    fn routes(&mut self, explanation: &Explanation) {
        if explanation.request.read.is_none() {
            return;
        }
        self.heading("Routes");
        if explanation.routes.is_empty() {
            self.line(2, "no path matches");
            if let Some(nearest) = &explanation.nearest_route {
                self.line(2, &format!("most like it: {nearest}"));
            }
        }
        for note in &explanation.routes {
            let shadow = if note.shadow { " (shadow)" } else { "" };
            let says = match (&note.why, &note.why_not) {
                (Some(why), _) => format!("wins: {why}"),
                (None, Some(why_not)) => why_not.clone(),
                (None, None) => "does not win".to_owned(),
            };
            self.line(2, &format!("{} {}{shadow}: {says}", note.matched, self.faint(&spot(&note.rule))));
        }
    }

    fn token(&mut self, explanation: &Explanation) {
        let token = &explanation.token;
        if token.looked_in.is_empty() && token.place.is_none() {
            return;
        }
        self.heading("Token");
        match &token.place {
            Some(place) => self.line(2, &format!("found in {place}")),
            None => self.line(2, &format!("none in {}", token.looked_in.join(", "))),
        }
        self.checks(token);
        if let Some(rejected) = &token.rejected {
            self.line(2, &format!("refused ({}): {}", rejected.reason, rejected.detail));
        }
        self.caller(token);
    }

    fn asked(&mut self, explanation: &Explanation) {
        let Some(asked) = &explanation.route else { return };
        self.heading("What the route asks");
        self.line(2, &format!("{}: {}", self.place(&asked.rule), asked.asks));
        if asked.token != "required" {
            self.line(4, &format!("a token is {}", asked.token));
        }
        for (name, value) in &asked.captures {
            self.line(4, &format!("{{{name}}} = {value}"));
        }
        if !asked.judged && !matches!(asked.asks.as_str(), "anyone" | "nobody is let in") {
            self.line(4, "not asked: it was settled before");
        }
        self.steps(4, &asked.checks);
    }

    fn steps(&mut self, indent: usize, steps: &[Step]) {
        for step in steps {
            let style = if step.verdict == "yes" { Style::Good } else { Style::Bad };
            let verdict = self.paint(style, &step.verdict);
            let has = step.has.as_ref().map(|has| format!("; has: {has}")).unwrap_or_default();
            let reason = step.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            self.line(indent, &format!("{verdict}{reason}: {}{has}", step.asks));
            self.steps(indent + 2, &step.steps);
        }
    }

    fn shadows(&mut self, explanation: &Explanation) {
        if explanation.shadow.is_empty() {
            return;
        }
        self.heading("Shadow rules would have said");
        for note in &explanation.shadow {
            let rule = note.rule.as_ref().map(|rule| self.place(rule)).unwrap_or_default();
            self.line(2, &format!("{} ({}): {rule}", note.outcome, note.reason));
        }
    }

    fn answer(&mut self, answer: &AnswerNote) {
        match answer {
            AnswerNote::Upstream { set, remove, remove_query, dropped } => {
                self.heading("The upstream sees");
                for (name, value) in set {
                    self.line(2, &format!("{name}: {value}"));
                }
                let (remove, look_alikes) = without_look_alikes(set, remove);
                let lists = [
                    ("without headers", &remove),
                    ("without query parameters", remove_query),
                    ("could not be sent", dropped),
                ];
                for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
                    self.line(2, &format!("{name}: {}", list.join(", ")));
                }
                if look_alikes > 0 {
                    self.line(2, "without look-alikes of these, spelt with `_` or `.`");
                }
                if set.is_empty() && remove.is_empty() && remove_query.is_empty() {
                    self.line(2, "the request as it came");
                }
            }
            AnswerNote::Client { status, headers, body } => {
                self.heading("The client gets");
                self.line(2, &format!("status {status}"));
                for (name, value) in headers {
                    self.line(2, &format!("{name}: {value}"));
                }
                for line in body.lines() {
                    self.line(2, line);
                }
            }
        }
    }
}

fn spot(rule: &RuleNote) -> String {
    format!("({}:{})", rule.file, rule.line)
}

/// Headers that are removed for their own sake, and how many others are only look-alikes of these or of those
/// that are set.
fn without_look_alikes(set: &[(String, String)], remove: &[String]) -> (Vec<String>, usize) {
    let plain = |name: &str| name.replace(['_', '.'], "-");
    let is_known =
        |name: &str| remove.iter().any(|one| one == name) || set.iter().any(|(one, _)| one == name);
    let is_look_alike = |name: &&String| name.contains(['_', '.']) && is_known(&plain(name));
    let own: Vec<String> = remove.iter().filter(|name| !is_look_alike(name)).cloned().collect();
    let look_alikes = remove.len() - own.len();
    (own, look_alikes)
}
