// Sets the theme that the viewer chose before anything is drawn. Without a choice, the system's theme holds.
try {
  const theme = localStorage.getItem('cf-packages theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is disabled: the system's theme holds.
}
