import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { useRoute } from "./actions/route.ts";
import { takeToken } from "./client/http.ts";
import { FieldPage } from "./pages/field/field.tsx";
import { HomePage } from "./pages/home/home.tsx";
import { LabelPage } from "./pages/label/label.tsx";
import { MapPage } from "./pages/map/map.tsx";
import { ResultsPage } from "./pages/results/results.tsx";
import { StartPage } from "./pages/start/start.tsx";
import { PageFailure } from "./parts/failure.tsx";
import { TopBar } from "./parts/top-bar.tsx";

function App() {
  const route = useRoute();
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <TopBar />
      <main id="main">
        {route.page === "home" && <HomePage />}
        {route.page === "start" && <StartPage survey={route.survey} ids={route.ids} key={route.survey} />}
        {route.page === "map" && (
          <MapPage survey={route.survey} session={route.session} key={`${route.survey} ${route.session}`} />
        )}
        {route.page === "field" && <FieldPage {...route} key={`${route.survey} ${route.session} ${route.field}`} />}
        {route.page === "label" && <LabelPage id={route.session} key={route.session} />}
        {route.page === "nowhere" && <PageFailure what="There is no such page" why={route.path} />}
        {route.page === "results" && <ResultsPage id={route.session} key={route.session} />}
      </main>
    </>
  );
}

takeToken();
// Browsers look a relative address of the icon up again whenever the page's own address changes.
for (const link of document.querySelectorAll<HTMLLinkElement>("link[rel=icon]")) link.setAttribute("href", link.href);

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
