//! The picture in a page with a list of all that is in it, and a field to search both. The page needs nothing from elsewhere.

use super::escape;
use super::graph::Graph;
use super::svg::{line_words, words};
use std::fmt::Write;

const STYLE: &str = "\
body{margin:0;font:14px sans-serif;display:flex;height:100vh}\
#picture{flex:1;overflow:auto}\
#side{width:21em;padding:1em;overflow:auto;border-left:1px solid #ccc;box-sizing:border-box}\
h1{font-size:1.1em;margin:0 0 .6em}\
input{width:100%;box-sizing:border-box;font:inherit;padding:.4em}\
ul{list-style:none;padding:0}\
li{white-space:pre-line;padding:.4em 0;border-bottom:1px solid #eee;cursor:pointer}\
li::first-line{font-weight:bold}\
li.chosen{background:#fff3c4}";

/// Everything whose words hold the typed ones stays as it is. Who clicks on something has it searched for by all its words.
const SCRIPT: &str = "\
const field=document.querySelector('input');\
const all=[...document.querySelectorAll('[data-words]')];\
function search(){\
const typed=field.value.toLowerCase().split(/\\s+/).filter(word=>word);\
for(const one of all){\
const words=one.dataset.words.toLowerCase();\
const found=typed.every(word=>words.includes(word));\
one.tagName==='LI'?one.hidden=!found:one.classList.toggle('dim',!found);}}\
function choose(words){\
for(const one of all){\
const same=one.dataset.words===words;\
one.classList.toggle('chosen',same);\
if(one.tagName!=='LI')one.classList.toggle('dim',!same);\
else if(same)one.scrollIntoView({block:'nearest'});}}\
field.addEventListener('input',search);\
field.addEventListener('focus',search);\
for(const one of all)one.addEventListener('click',event=>{choose(one.dataset.words);event.stopPropagation();});\
document.querySelector('#picture').addEventListener('click',()=>{choose('');search();});";

/// The page.
pub fn page(graph: &Graph, picture: &str, title: &str) -> String {
    let title = escape(title);
    let mut list = String::new();
    let nodes = graph.nodes.iter().map(words);
    for words in nodes.chain(graph.lines.iter().map(|line| line_words(graph, line))) {
        let words = escape(&words);
        // Writing to memory cannot fail.
        let _ = writeln!(list, "<li data-words=\"{words}\">{words}</li>");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<div id=\"picture\">\n{picture}</div>\n<div id=\"side\">\n<h1>{title}</h1>\n\
         <input type=\"search\" placeholder=\"Search: a name, an address, rw, interrupt 33\" autofocus>\n<ul>\n{list}</ul>\n</div>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
