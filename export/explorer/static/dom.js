// Elements without markup: whatever comes from a lake is text, never HTML.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const byId = (id) => document.getElementById(id);

export const number = (value) => value.toLocaleString("en");

export const inWords = (error) => (error.hint ? `${error.message}. ${error.hint}` : error.message);

export function lasting(frames, fps) {
  const seconds = frames / fps;
  if (seconds >= 3600) return `${number(Math.round(seconds / 360) / 10)} hours`;
  if (seconds >= 60) return `${Math.round(seconds / 6) / 10} minutes`;
  return `${Math.round(seconds * 10) / 10} s`;
}

export function debounced(milliseconds, call) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), milliseconds);
  };
}
