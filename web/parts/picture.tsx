import { useLayoutEffect, useRef } from "react";
import { loadPicture } from "../actions/picture-queue.ts";

interface Props {
  url: string;
  /** Width and height in CSS pixels; as the style has it unless given. */
  size?: number;
  alt?: string;
  style?: React.CSSProperties;
}

/** A square picture of the server's, loaded when its turn comes. */
export function Picture({ url, size, alt = "", style }: Props) {
  const image = useRef<HTMLImageElement>(null);
  useLayoutEffect(() => (image.current === null ? undefined : loadPicture(image.current, url)), [url]);
  return <img ref={image} width={size} height={size} alt={alt} draggable={false} style={style} />;
}
